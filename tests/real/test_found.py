"""`sluice serve` without a configuration finds the servers that run on this machine."""
import re

import httpx
import pytest

import servers
from conftest import wire

USUAL = {"ollama": 11434, "llama": 8080}


@pytest.fixture
def usual_ports(model_folder):
    """An Ollama and a llama-server where they usually are."""
    if not servers.have_llama():
        pytest.skip("no llama-server: tests/real/setup gets it")
    taken = [port for port in USUAL.values() if not servers.is_free(port)]
    if taken:
        pytest.skip(f"port {taken[0]} is taken on this machine")
    running = {"llama": servers.LlamaServer(model_folder, port=USUAL["llama"])}
    if servers.have_ollama():
        running["ollama"] = servers.OllamaServer(model_folder, port=USUAL["ollama"])
    yield running
    for server in running.values():
        server.stop()


def test_without_a_configuration(usual_ports, tmp_path):
    gw = wire.Process(["serve", "--port", "0", "--num_workers", "1"])
    try:
        start = "\n".join(gw.lines)
        assert re.search(r"llama-server on port 8080 \(1 models?\)", start), start
        listed = [m["id"] for m in httpx.get(gw.url + "/v1/models").json()["data"]]
        assert "sluice/echo" in listed
        names = ["tiny-test"] if "ollama" not in usual_ports else []
        if "ollama" in usual_ports:
            assert re.search(r"Ollama on port 11434 \(4 models\)", start), start
        names = [n for n in listed if n.split("/")[-1].split(":")[0] == "tiny-test"]
        assert len(names) >= len(usual_ports) and len(set(listed)) == len(listed), listed
        for name in names:
            r = httpx.post(gw.url + "/v1/chat/completions", timeout=30, json={
                "model": name, "messages": [{"role": "user", "content": "hi"}]})
            assert r.status_code == 200, r.text
            assert r.json()["choices"][0]["message"]["content"] == "Hello from the tiny test model.", name
    finally:
        gw.stop()

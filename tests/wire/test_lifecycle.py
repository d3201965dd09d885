"""Starting, reloading, draining; keys; retries, fallbacks and what happens when deployments die."""
import json
import signal
import socket
import subprocess
import threading
import time

import httpx
import pytest

from conftest import (SLUICE, Process, chunk, completion, config_of, http_chunk, model, reply, stream_head)
from test_relay import FRAMES, streaming, wait_until


def ok(text="Hello"):
    return lambda c, r: c.sendall(reply(completion(text))) and None


def failing(status=500, fields="", text="no"):
    return lambda c, r: c.sendall(reply({"error": {"message": text, "type": "x", "param": None, "code": None}},
                                        status=f"{status} X", fields=fields)) and None


def dead_port():
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


def test_echo_answers_without_any_config(tmp_path):
    p = Process(["serve", "--port", "0", "--num_workers", "1"])
    try:
        body = {"model": "sluice/echo", "messages": [{"role": "user", "content": "Hello there"}]}
        r = httpx.post(p.url + "/v1/chat/completions", json=body)
        assert "Hello there" in r.json()["choices"][0]["message"]["content"]
        r = httpx.post(p.url + "/v1/chat/completions", json={**body, "stream": True})
        assert r.text.endswith("data: [DONE]\n\n") and "Hello there" in r.text
        assert "sluice/echo" in [m["id"] for m in httpx.get(p.url + "/v1/models").json()["data"]]
    finally:
        p.stop()


def test_provider_keys_in_the_environment_are_found():
    p = Process(["serve", "--port", "0", "--num_workers", "1"], env={"OPENAI_API_KEY": "sk-abc", "HOST": "127.0.0.1"})
    try:
        assert any("OPENAI_API_KEY" in line for line in p.lines)
        assert "sk-abc" not in "\n".join(p.lines)
    finally:
        p.stop()


def test_master_key(gateway, upstream):
    up = upstream(ok())
    gw = gateway(config_of(model("m", up.base), general_settings={"master_key": "sk-master-long-enough"}))
    assert gw.chat().status_code == 401
    assert gw.chat().json()["error"]["type"] == "auth_error"
    assert gw.http.get("/v1/models").status_code == 401
    assert gw.http.get("/metrics").status_code == 401
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    for fields in ({"authorization": "Bearer sk-master-long-enough"}, {"x-api-key": "sk-master-long-enough"},
                   {"api-key": "sk-master-long-enough"}, {"x-goog-api-key": "sk-master-long-enough"},
                   {"x-litellm-api-key": "sk-master-long-enough"}):
        assert gw.http.post("/v1/chat/completions", json=body, headers=fields).status_code == 200, fields
    assert gw.http.post("/v1/chat/completions?key=sk-master-long-enough", json=body).status_code == 200
    for wrong in ("Bearer sk-master-long-enough2", "Bearer", "sk-master-long-enoug", ""):
        assert gw.http.post("/v1/chat/completions", json=body, headers={"authorization": wrong}).status_code == 401
    for path in ("/health/liveliness", "/health/readiness", "/"):
        assert gw.http.get(path).status_code == 200
    assert "m" not in [t for t in gw.http.get("/").text.split() if t == "m"]
    assert b"sk-master" not in b"".join(r for r in up.requests)


@pytest.mark.parametrize("master", [None, "sk-1234"])
def test_off_loopback_without_a_real_key_warns_once(gateway, upstream, master):
    general = {"master_key": master} if master else {}
    gw = gateway(config_of(model("m", "http://127.0.0.1:9/v1"), general_settings=general), "--host", "0.0.0.0")
    assert sum("listening on 0.0.0.0" in line for line in gw.lines) == 1
    r = subprocess.run([SLUICE, "serve", "--config", str(gw.config_path), "--port", "0", "--host", "0.0.0.0", "--strict"],
                       capture_output=True, text=True, timeout=10)
    assert r.returncode != 0 and "master_key" in r.stderr


def test_retry_on_another_deployment(gateway, upstream):
    bad, good = upstream(failing(500)), upstream(ok("from good"))
    gw = gateway(config_of(model("m", bad.base), model("m", good.base)))
    for _ in range(10):
        r = gw.chat()
        assert r.status_code == 200 and r.json()["choices"][0]["message"]["content"] == "from good"
    assert bad.requests, "the bad one was never tried"


def test_fallback_and_its_name(gateway, upstream):
    good = upstream(ok("from b"))
    gw = gateway(config_of(model("a", f"http://127.0.0.1:{dead_port()}/v1"), model("b", good.base),
                           router_settings={"num_retries": 0, "fallbacks": [{"a": ["b"]}]}))
    r = gw.chat("a")
    assert r.status_code == 200 and r.json()["model"] == "a"
    assert r.json()["choices"][0]["message"]["content"] == "from b"
    assert r.headers["x-litellm-attempted-fallbacks"] == "1"
    assert r.headers["x-litellm-model-group"] == "b"


def test_all_down_gives_the_last_error_with_the_attempts(gateway, upstream):
    bad = upstream(failing(503, text="overloaded today"))
    gw = gateway(config_of(model("a", f"http://127.0.0.1:{dead_port()}/v1"), model("b", bad.base),
                           router_settings={"num_retries": 0, "fallbacks": [{"a": ["b"]}]}))
    r = gw.chat("a")
    assert r.status_code == 503
    e = r.json()["error"]
    assert "overloaded today" in e["message"] and "2 attempts" in e["message"]


def test_no_retry_for_the_clients_own_fault(gateway, upstream):
    bad = upstream(failing(400))
    gw = gateway(config_of(model("m", bad.base), model("m", bad.base), router_settings={"num_retries": 5}))
    assert gw.chat().status_code == 400 and len(bad.requests) == 1


def test_retry_after_is_obeyed(gateway, upstream):
    seen = []

    def handle(conn, request):
        seen.append(time.monotonic())
        if len(seen) == 1:
            failing(429, "retry-after: 1\r\n")(conn, request)
        else:
            ok()(conn, request)
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 1}))
    assert gw.chat().status_code == 200
    assert seen[1] - seen[0] >= 0.95


def test_killed_deployment_under_load(gateway, mock):
    one, two = mock(), mock()
    gw = gateway(config_of(model("m", one.url + "/v1"), model("m", two.url + "/v1")))
    statuses, stop = [], threading.Event()

    def load():
        with httpx.Client(base_url=gw.url, timeout=20) as http:
            while not stop.is_set():
                r = http.post("/v1/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": "x"}]})
                statuses.append(r.status_code)
    threads = [threading.Thread(target=load) for _ in range(6)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    one.popen.send_signal(signal.SIGKILL)
    one.popen.wait()
    time.sleep(1.5)
    stop.set()
    for t in threads:
        t.join()
    assert len(statuses) > 100 and set(statuses) == {200}


def test_reload_takes_new_models_up(gateway, upstream):
    up = upstream(ok())
    gw = gateway(config_of(model("a", up.base)))
    assert gw.chat("b").status_code == 400
    gw.config_path.write_text(json.dumps(config_of(model("b", up.base))))
    gw.popen.send_signal(signal.SIGHUP)
    assert wait_until(lambda: gw.chat("b").status_code == 200)
    assert gw.chat("a").status_code == 400
    gw.config_path.write_text("model_list: [")
    gw.popen.send_signal(signal.SIGHUP)
    assert wait_until(lambda: any("stays as it was" in line for line in gw.lines))
    assert any("config.yaml:" in line for line in gw.lines)
    assert gw.chat("b").status_code == 200


def test_streams_finish_across_a_reload(gateway, upstream):
    up = upstream(streaming(FRAMES, pause=0.2))
    gw = gateway(config_of(model("m", up.base)))
    result = []
    t = threading.Thread(target=lambda: result.append(gw.stream()))
    t.start()
    time.sleep(0.3)
    for _ in range(5):
        gw.popen.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    t.join()
    assert result[0][-1] == "[DONE]"


def test_sigterm_drains(gateway, upstream):
    up = upstream(streaming(FRAMES, pause=0.2))
    gw = gateway(config_of(model("m", up.base)))
    result = []
    t = threading.Thread(target=lambda: result.append(gw.stream()))
    t.start()
    time.sleep(0.3)
    gw.popen.send_signal(signal.SIGTERM)
    t.join()
    assert result[0][-1] == "[DONE]"
    assert gw.popen.wait(5) == 0


def test_two_workers_share_the_port(tmp_path, upstream):
    up = upstream(ok())
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(config_of(model("m", up.base))))
    p = Process(["serve", "--config", str(path), "--port", "0", "--num_workers", "2"])
    try:
        for _ in range(30):
            r = httpx.post(p.url + "/v1/chat/completions", json={"model": "m", "messages": []})
            assert r.status_code == 200
    finally:
        p.stop()


def test_port_taken_is_said_plainly(gateway, upstream):
    gw = gateway(config_of(model("m", "http://127.0.0.1:9/v1")))
    r = subprocess.run([SLUICE, "serve", "--config", str(gw.config_path), "--port", str(gw.port)],
                       capture_output=True, text=True, timeout=10)
    assert r.returncode == 1 and str(gw.port) in r.stderr and "taken" in r.stderr


def test_health_command(gateway):
    gw = gateway(config_of(model("m", "http://127.0.0.1:9/v1")))
    assert subprocess.run([SLUICE, "health", gw.url + "/health/readiness"]).returncode == 0
    assert subprocess.run([SLUICE, "health", gw.url], capture_output=True).returncode == 0
    assert subprocess.run([SLUICE, "health", f"http://127.0.0.1:{dead_port()}"], capture_output=True).returncode == 1


def test_unknown_flags_are_named(gateway):
    gw = gateway(config_of(model("m", "http://127.0.0.1:9/v1")), "--telemetry", "False", "--no_such_flag", "7",
                 "--detailed_debug")
    assert any("--no_such_flag" in line for line in gw.lines)
    assert gw.http.get("/health/liveliness").text == '"I\'m alive!"'


def test_tls_listener(tmp_path, upstream):
    up = upstream(ok())
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", str(tmp_path / "k.pem"), "-out", str(tmp_path / "c.pem")], check=True,
                   capture_output=True)
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(config_of(model("m", up.base))))
    p = Process(["serve", "--config", str(path), "--port", "0", "--num_workers", "1", "--ssl_keyfile_path",
                 str(tmp_path / "k.pem"), "--ssl_certfile_path", str(tmp_path / "c.pem")])
    try:
        import ssl
        context = ssl.create_default_context(cafile=str(tmp_path / "c.pem"))
        r = httpx.post(f"https://localhost:{p.port}/v1/chat/completions", verify=context,
                       json={"model": "m", "messages": []})
        assert r.status_code == 200
        assert subprocess.run([SLUICE, "health", f"https://127.0.0.1:{p.port}"]).returncode == 0
    finally:
        p.stop()


def test_metrics_and_cost(gateway, upstream):
    up = upstream(ok())
    gw = gateway(config_of(model("m", up.base, input_cost_per_token=0.000001, output_cost_per_token="2e-6")))
    r = gw.chat()
    assert r.headers["x-litellm-response-cost"] == "0.000007000"
    text = gw.http.get("/metrics").text
    assert 'litellm_spend_metric_total{model_group="m"' in text and " 0.000007000" in text
    assert 'litellm_input_tokens_metric_total{model_group="m",litellm_model_name="openai/upstream-model"' in text


def test_json_access_log(gateway, upstream):
    up = upstream(ok())
    gw = gateway(config_of(model("m", up.base), litellm_settings={"json_logs": True}))
    gw.chat()
    assert wait_until(lambda: gw.out_lines)
    line = json.loads(gw.out_lines[0])
    assert line["model"] == "m" and line["prompt_tokens"] == 3 and line["status"] == 200


def test_mock_response(gateway):
    gw = gateway(config_of({"model_name": "m", "litellm_params": {"model": "openai/x", "mock_response": "said"}}))
    r = gw.chat()
    assert r.json()["choices"][0]["message"]["content"] == "said" and r.json()["usage"]["total_tokens"] == 30


def test_default_parameters_and_extra_body(gateway, upstream):
    up = upstream(ok())
    gw = gateway(config_of(model("m", up.base, temperature=0.25, max_tokens=7, extra_body={"top_k": 5})))
    gw.chat(temperature=0.5)
    body = json.loads(up.requests[0].partition(b"\r\n\r\n")[2])
    assert body["temperature"] == 0.5 and body["max_tokens"] == 7 and body["top_k"] == 5


def test_duplicate_members_are_resolved_once(gateway, upstream):
    up = upstream(ok())
    gw = gateway(config_of(model("cheap", up.base), model("dear", up.base)))
    text = '{"model":"dear","messages":[],"model":"cheap","n":1,"n":2}'
    r = gw.http.post("/v1/chat/completions", content=text)
    assert r.json()["model"] == "cheap"
    sent = up.requests[0].partition(b"\r\n\r\n")[2]
    assert sent.count(b'"model"') == 1 and sent.count(b'"n"') <= 2 and json.loads(sent)["n"] == 2


def test_a_log_that_nobody_reads_stops_nothing(tmp_path, upstream):
    up = upstream(ok())
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(config_of(model("m", up.base))))
    p = subprocess.Popen([SLUICE, "serve", "--config", str(path), "--port", "0", "--num_workers", "1"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = None
    while not port:
        line = p.stderr.readline()
        if "listens on" in line:
            port = int(line.split("listens on ")[1].split()[0].rsplit(":", 1)[1])
    with httpx.Client(timeout=10) as http:
        for _ in range(600):  # some 100 KB of lines: more than a pipe holds
            r = http.post(f"http://127.0.0.1:{port}/v1/chat/completions", json={"model": "m", "messages": []},
                          headers={"x-litellm-end-user-id": "x" * 150})
            assert r.status_code == 200
    p.terminate()
    assert p.wait(10) == 0
    p.stdout.close()
    p.stderr.close()

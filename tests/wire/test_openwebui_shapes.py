"""The requests of Open WebUI 0.12 as it sends them, answered by every kind of upstream.

Captured from the real one; tests/real/openwebui.py does the same with it and a browser.
"""
import base64
import json
import time

import pytest

from conftest import config_of

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
HEADERS = {"authorization": "Bearer any-key-will-do", "accept": "*/*", "accept-encoding": "gzip, deflate, br",
           "user-agent": "Python/3.11 aiohttp/3.14.5", "x-openwebui-user-name": "User", "x-openwebui-user-id": "1",
           "x-openwebui-user-email": "user@localhost", "x-openwebui-user-role": "admin"}
VENDORS = {"openai": ("openai/m", "/v1"), "anthropic": ("anthropic/claude-m", ""), "gemini": ("gemini/gemini-m", ""),
           "cohere": ("cohere_chat/m", ""), "ollama": ("ollama_chat/m", "")}
TOOLS = [{"type": "function", "function": {
    "name": f"tool_{i}", "description": "One of the functions that Open WebUI brings", "parameters": {
        "type": "object", "properties": {
            "query": {"type": "string", "description": "what"},
            "count": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}},
        "required": ["query"]}}} for i in range(36)]


@pytest.fixture(params=VENDORS)
def served(request, gateway, mock):
    upstream = mock("--strict")
    model, path = VENDORS[request.param]
    gw = gateway(config_of(*[
        {"model_name": name, "litellm_params": {"model": m, "api_base": upstream.url + base, "api_key": "k"}}
        for name, m, base in (("m", model, path), ("embedder", "openai/e", "/v1"))]))
    gw.vendor, gw.mock = request.param, upstream
    gw.http.headers.update(HEADERS)
    return gw


def asked(gw):
    return gw.http.get(gw.mock.url + "/mock/log").json()["requests"]


def text_of(gw, body):
    """A stream as Open WebUI reads it: the choices' deltas, until [DONE]."""
    with gw.http.stream("POST", "/v1/chat/completions", json=body) as r:
        assert r.status_code == 200, r.read()
        assert r.headers["content-type"].startswith("text/event-stream") and "content-encoding" not in r.headers
        lines = [line[6:] for line in r.read().decode().split("\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert not [c for c in chunks if c.get("usage")], "usage that was not asked for"
    assert all(isinstance(c["choices"], list) for c in chunks)
    assert not [k for c in chunks for k in ("pipeline", "arena", "info", "actions") if k in c]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])


def user(text):
    return {"role": "user", "content": text}


def test_models(served):
    for key in ("Bearer any-key-will-do", ""):  # without a key it sends none at all
        r = served.http.get("/v1/models", headers={"authorization": key})
        listed = r.json()["data"]
        assert {m["id"] for m in listed} >= {"m", "embedder"}
        assert not [k for m in listed for k in ("pipeline", "pipe", "arena", "info", "actions", "filters") if k in m]


def test_a_browser_message(served):
    body = {"stream": True, "model": "m", "messages": [user("chunks=9,say=All is well here.")], "tools": TOOLS}
    assert len(json.dumps(body)) > 8000
    assert text_of(served, body) == "All is well here."


@pytest.mark.parametrize("more", [{"max_tokens": 1000}, {}])
def test_title_tags_and_follow_ups(served, more):
    r = served.http.post("/v1/chat/completions", json={
        "model": "m", "stream": False, **more,
        "messages": [user('### Task:\nGenerate a title.\nsay={"title":"T"}')]})
    assert json.loads(r.json()["choices"][0]["message"]["content"]) == {"title": "T"}


def test_the_second_round_of_a_tool(served):
    text = text_of(served, {"stream": True, "model": "m", "tools": TOOLS, "messages": [
        user("look it up"),
        {"role": "assistant", "content": "", "tool_calls": [
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": "tool_3", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "found it"}]})
    assert text.startswith("The tool said:") and "found it" in text


def test_a_picture(served):
    if served.vendor == "cohere":
        pytest.skip("its picture models are others; tests of the dialect cover it")
    content = [{"type": "text", "text": "<attached_files>\n<file type=\"image\"/>\n</attached_files>\n\n"},
               {"type": "text", "text": "say=I see it"},
               {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    assert text_of(served, {"stream": True, "model": "m", "tools": TOOLS,
                            "messages": [{"role": "user", "content": content}]}) == "I see it"
    assert PNG in json.dumps(asked(served)[-1]["body"])


def test_params_at_the_top(served):
    params = {"temperature": 0.5, "top_p": 0.9, "stop": ["END"], "max_tokens": 50}
    r = served.http.post("/v1/chat/completions", json={
        "model": "m", "stream": False, "messages": [user("say=ok")], **params})
    assert r.status_code == 200, r.text
    assert r.json()["choices"][0]["message"]["content"] == "ok"


def test_stop(served):
    """Its Stop button closes the connection."""
    body = {"stream": True, "model": "m", "messages": [user("chunks=500,rate=20,say=" + "word " * 500)]}
    with served.http.stream("POST", "/v1/chat/completions", json=body) as r:
        pieces = r.iter_text()
        next(pieces)
    left = time.monotonic()
    while not asked(served)[-1]["aborted"]:
        assert time.monotonic() < left + 5, "the upstream was not cancelled"
        time.sleep(0.02)


def test_an_error_is_a_sentence(served):
    r = served.http.post("/v1/chat/completions", json={
        "stream": True, "model": "m", "messages": [user("status=429,retry-after=1,say=Slow down please")]})
    assert r.status_code == 429 and r.headers["content-type"] == "application/json"
    assert "Slow down please" in r.json()["error"]["message"]


def test_documents(served):
    for texts in (["first part", "second part"], ["a query"]):
        r = served.http.post("/v1/embeddings", json={"input": texts, "model": "embedder"})
        assert [d["index"] for d in r.json()["data"]] == list(range(len(texts)))
        assert all(isinstance(x, float) for d in r.json()["data"] for x in d["embedding"])


def test_speech_lists_without_a_key(served):
    for path in ("/v1/audio/models", "/v1/audio/voices"):
        r = served.http.get(path, headers={"authorization": ""})
        assert r.status_code in (200, 404) and r.headers["content-type"] == "application/json"


# ---- its Ollama connection ----------------------------------------------------------------------------


def test_ollama_lists(served):
    assert served.http.get("/api/version").json()["version"]
    tags = served.http.get("/api/tags").json()["models"]
    assert {m["model"] for m in tags} >= {"m", "embedder"}
    assert all(m["name"] and m["modified_at"] and m["digest"] and "details" in m for m in tags)
    assert isinstance(served.http.get("/api/ps").json()["models"], list)
    assert "capabilities" in served.http.post("/api/show", json={"model": "m"}).json()


@pytest.mark.parametrize("picture", [False, True])
def test_ollama_chat(served, picture):
    if picture and served.vendor == "cohere":
        pytest.skip("its picture models are others; tests of the dialect cover it")
    message = {**user("chunks=5,say=Hello from afar"), **({"images": [PNG]} if picture else {})}
    with served.http.stream("POST", "/api/chat", json={
            "model": "m", "messages": [message], "stream": True, "options": {"num_predict": 100, "stop": ["END"]},
            "tools": TOOLS}) as r:
        assert r.status_code == 200, r.read()
        lines = [json.loads(line) for line in r.read().decode().splitlines()]
    assert "".join(x["message"]["content"] for x in lines) == "Hello from afar"
    assert [x["done"] for x in lines] == [False] * (len(lines) - 1) + [True]
    assert all(x["model"] == "m" and x["created_at"] for x in lines)
    if picture:
        assert PNG in json.dumps(asked(served)[-1]["body"])


def test_ollama_unload_and_embed(served):
    r = served.http.post("/api/generate", json={"model": "m", "keep_alive": 0, "prompt": ""})
    assert r.status_code == 200 and r.json()["done"] is True
    r = served.http.post("/api/embed", json={"model": "embedder", "input": ["a", "b"]})
    assert len(r.json()["embeddings"]) == 2


# ---- a direct connection, from the browser -------------------------------------------------------------


def test_a_direct_connection(served):
    origin = {"origin": "http://localhost:3000"}
    r = served.http.options("/v1/chat/completions", headers={
        **origin, "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type"})
    assert r.status_code in (200, 204) and r.headers["access-control-allow-origin"] in ("*", origin["origin"])
    allowed = r.headers["access-control-allow-headers"].lower()
    # "*" means any but Authorization, which must be named.
    assert "authorization" in allowed and ("*" in allowed or "content-type" in allowed)
    assert "access-control-allow-origin" in served.http.get("/v1/models", headers=origin).headers

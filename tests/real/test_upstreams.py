"""The gateway in front of a real llama-server and a real Ollama: what they answer is known to the letter.

Every test runs for every way in which a configuration can name such a server.
"""
import json
import re
import time

import httpx
import openai
import pytest

import servers
from servers import wait_for

WAYS = {
    "ollama_chat": ("ollama", "ollama_chat/{}", ""),          # Ollama's own API
    "ollama": ("ollama", "ollama/{}", ""),
    "ollama-openai": ("ollama", "openai/{}", "/v1"),          # its OpenAI-compatible one
    "llamafile": ("llama", "llamafile/{}", "/v1"),
    "hosted_vllm": ("llama", "hosted_vllm/{}", ""),           # a base without /v1
    "llama-openai": ("llama", "openai/{}", "/v1"),
}
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]


class Served:
    """A gateway with the tiny model behind it, one name per mode (tinymodel.py)."""

    def __init__(self, way, gateway, request):
        kind, form, base = WAYS[way]
        self.way, self.kind = way, kind
        self.server = request.getfixturevalue(kind)
        names = servers.OllamaServer.MODELS
        self.models = {mode: names[mode] if kind == "ollama" else "tiny-test" for mode in names}
        self.gw = gateway({"model_list": [
            {"model_name": mode, "litellm_params": {"model": form.format(name), "api_key": "sk-any",
                                                    "api_base": self.server.url + base}}
            for mode, name in {**self.models, "unknown": "no-such-model"}.items()],
            "litellm_settings": {"num_retries": 0}})
        self.client = openai.OpenAI(base_url=self.gw.url + "/v1", api_key="any", max_retries=0)

    def ask(self, mode="say", text=None, **more):
        """Ollama's models know their mode, llama-server's reads it in the text."""
        text = text or {"think": "THINK", "long": "LONG", "json": "JSON"}.get(mode, "hi")
        return self.client.chat.completions.create(
            model=mode, messages=[{"role": "user", "content": text}], **more)


@pytest.fixture(params=WAYS)
def served(request, gateway):
    s = Served(request.param, gateway, request)
    yield s
    s.client.close()


def joined(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_chat(served):
    r = served.ask()
    assert r.choices[0].message.content == "Hello from the tiny test model."
    assert r.choices[0].finish_reason == "stop" and r.model == "say" and r.object == "chat.completion"
    assert r.usage.prompt_tokens > 5 and r.usage.completion_tokens >= 6
    assert r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens


def test_stream(served):
    chunks = list(served.ask(stream=True, stream_options={"include_usage": True}))
    assert joined(chunks) == "Hello from the tiny test model."
    assert len({c.id for c in chunks}) == 1 and {c.model for c in chunks} == {"say"}
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert sum(1 for c in chunks if c.choices and c.choices[0].delta.content) > 2, "it came in pieces"
    usage = [c.usage for c in chunks if c.usage]
    assert len(usage) == 1 and usage[0].completion_tokens >= 6 and chunks[-1].usage


def test_no_usage_unasked(served):
    assert not [c for c in served.ask(stream=True) if c.usage]


def test_length(served):
    r = served.ask("long", max_tokens=5)
    assert r.choices[0].finish_reason == "length" and r.usage.completion_tokens == 5
    assert r.choices[0].message.content.split() == ["one", "two", "three", "four", "five"]


def test_stop_sequence(served):
    r = served.ask("long", stop=["four"], max_tokens=50)
    assert r.choices[0].message.content.split() == ["one", "two", "three"]
    assert r.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_tools(served, stream):
    messages = [{"role": "user", "content": "Weather in Paris?"}]
    r = served.client.chat.completions.create(model="say", messages=messages, tools=TOOLS, stream=stream)
    if stream:
        calls, finish = {}, None
        for c in r:
            for choice in c.choices:
                finish = choice.finish_reason or finish
                for piece in choice.delta.tool_calls or []:
                    call = calls.setdefault(piece.index, {"id": piece.id, "name": "", "arguments": ""})
                    call["name"] += piece.function.name or ""
                    call["arguments"] += piece.function.arguments or ""
        calls = list(calls.values())
    else:
        finish = r.choices[0].finish_reason
        calls = [{"id": c.id, "name": c.function.name, "arguments": c.function.arguments}
                 for c in r.choices[0].message.tool_calls]
    assert finish == "tool_calls" and len(calls) == 1
    assert calls[0]["name"] == "get_weather" and json.loads(calls[0]["arguments"]) == {"city": "Paris"}
    assert calls[0]["id"]
    messages += [{"role": "assistant", "content": None, "tool_calls": [
        {"id": calls[0]["id"], "type": "function",
         "function": {"name": "get_weather", "arguments": calls[0]["arguments"]}}]},
        {"role": "tool", "tool_call_id": calls[0]["id"], "content": "sunny"}]
    r = served.client.chat.completions.create(model="say", messages=messages, tools=TOOLS)
    assert r.choices[0].message.content == "The weather is sunny."


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning(served, stream):
    # Ollama's OpenAI-compatible API has levels for one family of models only, and refuses them elsewhere.
    effort = {} if served.way == "ollama-openai" else {"reasoning_effort": "medium"}
    r = served.ask("think", stream=stream, **effort)
    if stream:
        deltas = [c.choices[0].delta for c in r if c.choices]
        reasoning = "".join(getattr(d, "reasoning_content", None) or getattr(d, "reasoning", None) or "" for d in deltas)
        text = "".join(d.content or "" for d in deltas)
    else:
        message = r.choices[0].message
        reasoning = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or ""
        text = message.content
    assert reasoning.strip() == "Let me think about it."
    assert text.strip() == "Done thinking."


def test_json(served):
    r = served.ask("json", response_format={"type": "json_object"})
    assert json.loads(r.choices[0].message.content) == {"answer": 42}


def test_list(served):
    listed = {m.id for m in served.client.models.list()}
    assert {"say", "think", "long", "json", "unknown"} <= listed


def test_unknown_model(served):
    if served.kind == "llama":  # serves its one model whatever the name is
        r = served.client.chat.completions.create(model="unknown", messages=[{"role": "user", "content": "hi"}])
        assert r.model == "unknown"
        return
    with pytest.raises(openai.NotFoundError) as e:
        served.client.chat.completions.create(model="unknown", messages=[{"role": "user", "content": "hi"}])
    assert "no-such-model" in e.value.message and "not found" in e.value.message


def test_context_overflow(served):
    text = "x" * (servers.CONTEXT + 500)  # a byte is a token
    if served.kind == "llama":
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError) as e:
                served.ask(text=text, stream=stream)
            assert "exceed" in e.value.message and "context" in e.value.message
        return
    # Ollama cuts the prompt to fit and answers (with what is left: no promise which words).
    r = served.ask(text=text)
    assert r.usage.prompt_tokens <= servers.CONTEXT and r.choices[0].message.content is not None


def gone(served, since):
    """The upstream has noticed that its client left."""
    if served.kind == "llama":
        return not served.server.busy()
    new = served.server.log.read_text()[since:]
    # Ollama logs the request when it ends, with the time that it took.
    return re.search(r"\[GIN\].*POST +\"/(api/chat|v1/chat/completions)\"", new)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_cancel(served, path):
    """The client leaves an endless stream; the upstream stops working on it within a second."""
    since = len(served.server.log.read_text())
    body = {"model": "long", "stream": True, "max_tokens": 1_000_000,
            "messages": [{"role": "user", "content": "LONG"}]}
    if path == "/api/chat":
        body = {"model": "long", "stream": True, "options": {"num_predict": 1_000_000},
                "messages": body["messages"]}
    with httpx.stream("POST", served.gw.url + path, json=body, timeout=20) as r:
        assert r.status_code == 200, r.read()
        pieces, seen = r.iter_text(), ""
        while len(seen) < 3000:
            seen += next(pieces)  # not a loop left by `break`: that would drop `pieces` and hang up
        if served.kind == "llama" and not served.server.busy():
            pytest.fail("it had ended before the client left")
    left = time.monotonic()
    wait_for(lambda: gone(served, since), 10)
    assert time.monotonic() - left < 1.0
    assert served.ask().choices[0].message.content == "Hello from the tiny test model."


@pytest.mark.parametrize("kind,model,base", [
    ("llama_embed", "openai/tiny-test", "/v1"), ("llama_embed", "llamafile/tiny-test", "/v1"),
    ("ollama", "ollama/tiny-test", ""), ("ollama", "openai/tiny-test", "/v1")])
def test_embeddings(gateway, request, kind, model, base):
    server = request.getfixturevalue(kind)
    gw = gateway({"model_list": [{"model_name": "e", "litellm_params": {
        "model": model, "api_key": "k", "api_base": server.url + base}}]})
    client = openai.OpenAI(base_url=gw.url + "/v1", api_key="any", max_retries=0)
    r = client.embeddings.create(model="e", input=["the cat", "the cat", "something else"])
    assert [d.index for d in r.data] == [0, 1, 2] and r.model == "e" and r.usage.prompt_tokens > 0
    first, same, other = (d.embedding for d in r.data)  # the SDK asked for base64
    assert len(first) == 256 and first == pytest.approx(same, abs=1e-3)
    assert first != pytest.approx(other, abs=1e-3)
    plain = client.embeddings.create(model="e", input="the cat", encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(first, abs=1e-3)
    client.close()


DIALECTS = {
    "/v1/messages": ({"max_tokens": 50}, lambda j: j["content"][0]["text"]),
    "/v1/responses": ({}, lambda j: j["output"][0]["content"][0]["text"]),
    "/api/chat": ({"stream": False}, lambda j: j["message"]["content"]),
    "/v2/chat": ({}, lambda j: j["message"]["content"][0]["text"]),
}


@pytest.mark.parametrize("path", DIALECTS)
def test_every_api(served, path):
    more, read = DIALECTS[path]
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": "say", **more, "input" if path == "/v1/responses" else "messages": messages}
    r = served.gw.http.post(path, json=body)
    assert r.status_code == 200, r.text
    assert read(r.json()) == "Hello from the tiny test model."


def test_upstream_dies(gateway, model_folder):
    """Killed in the middle of a stream: never a tidy end; then a plain 502/503; then it is back."""
    if not servers.have_llama():
        pytest.skip("no llama-server")
    server = servers.LlamaServer(model_folder)
    gw = gateway({"model_list": [{"model_name": "m", "litellm_params": {
        "model": "llamafile/tiny-test", "api_base": server.url + "/v1"}}],
        "litellm_settings": {"num_retries": 0}, "router_settings": {"cooldown_time": 0.1}})
    seen = ""
    with httpx.stream("POST", gw.url + "/v1/chat/completions", timeout=20, json={
            "model": "m", "stream": True, "messages": [{"role": "user", "content": "LONG"}]}) as r:
        try:
            for piece in r.iter_text():
                if not seen:
                    server.process.kill()
                seen += piece
        except httpx.RemoteProtocolError:
            pass
    assert "data: " in seen and "[DONE]" not in seen and '"finish_reason":"stop"' not in seen
    server.stop()
    r = gw.chat("m")
    assert r.status_code in (500, 502, 503) and r.json()["error"]["message"], r.text
    again = servers.LlamaServer(model_folder, port=server.port)
    try:
        wait_for(lambda: gw.chat("m").status_code == 200, 10)
    finally:
        again.stop()

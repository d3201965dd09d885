"""Each member, tool and item of a Responses request: passed to an upstream of that API as it is, and to others
translated, left out and named in the answer, or refused by name."""
import json

import pytest
from conftest import body_of, completion, config_of, model, reply

ANSWERS = {
    "chat": completion("hi"),
    "anthropic": {"id": "msg_1", "type": "message", "role": "assistant", "model": "u",
                  "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
                  "usage": {"input_tokens": 1, "output_tokens": 1}},
    "gemini": {"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
               "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}},
    "ollama": {"model": "u", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": "hi"},
               "done": True, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1},
    "cohere": {"id": "c", "finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 1, "output_tokens": 1}},
               "message": {"role": "assistant", "content": [{"type": "text", "text": "hi"}]}},
    "native": {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "u", "output": [],
               "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}},
}
MODELS = {"chat": "openai/u", "anthropic": "anthropic/claude-sonnet-4-5", "gemini": "gemini/gemini-2.5-flash",
          "ollama": "ollama_chat/u", "cohere": "cohere/command-r", "native": "openai/responses/u"}
OTHERS = [kind for kind in MODELS if kind != "native"]


class World:
    """A gateway before one upstream of each dialect."""

    def __init__(self, gateway, upstream, **settings):
        self.ups = {kind: upstream(lambda conn, req, kind=kind: conn.sendall(reply(ANSWERS[kind])))
                    for kind in MODELS}
        rows = [model(kind, up.base if kind in ("chat", "native") else up.base[:-3], model=MODELS[kind])
                for kind, up in self.ups.items()]
        self.g = gateway(config_of(*rows, litellm_settings=settings))

    def ask(self, kind, **body):
        return self.g.http.post("/v1/responses", json={"model": kind, "input": "q", **body})

    def sent(self, kind):
        return body_of(self.ups[kind].requests[-1])


@pytest.fixture
def world(gateway, upstream):
    return World(gateway, upstream)


def dropped(r):
    return [name.strip() for name in r.headers.get("x-sluice-dropped-params", "").split(",") if name.strip()]


FIELDS = {
    "background": True, "conversation": "conv_1", "prompt": {"id": "pmpt_1", "variables": {"a": "b"}},
    "max_tool_calls": 3, "truncation": "auto", "store": False, "include": ["web_search_call.action.sources"],
    "service_tier": "flex", "safety_identifier": "sid", "prompt_cache_key": "key", "prompt_cache_retention": "24h",
    "metadata": {"a": "b"}, "stream_options": {"include_obfuscation": False}, "top_logprobs": 2,
    "context_management": [{"type": "compaction"}], "text": {"verbosity": "low", "format": {"type": "text"}},
    "reasoning": {"effort": "low", "summary": "detailed", "context": "all_turns"}, "unheard_of": {"x": [1, None]},
    "previous_response_id": "resp_9", "instructions": "be brief", "user": "u", "parallel_tool_calls": False,
}


def test_an_upstream_of_the_same_api_gets_every_member(world):
    for name, value in FIELDS.items():
        r = world.ask("native", **{name: value})
        assert r.status_code == 200 and not dropped(r), (name, r.text)
        assert world.sent("native") == {"model": "u", "input": "q", name: value}


def test_so_does_one_whose_request_is_written_anew(gateway, upstream):
    """A deployment's own members make the body a new one."""
    up = upstream(lambda conn, req: conn.sendall(reply(ANSWERS["native"])))
    g = gateway(config_of(model("m", up.base, model="openai/responses/u", extra_body={"extra": 1})))
    body = {**FIELDS, "input": [{"type": "item_reference", "id": "x"}], "tools": TOOLS, "conversation": None}
    assert g.http.post("/v1/responses", json={"model": "m", **body}).status_code == 200
    sent = body_of(up.requests[-1])
    assert sent == {"model": "u", "extra": 1, **body}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_only_that_api_can_do_is_refused_by_name(world, kind):
    for name in ("background", "prompt", "max_tool_calls", "conversation", "previous_response_id"):
        r = world.ask(kind, **{name: FIELDS[name]})
        error = r.json()["error"]
        assert r.status_code == 400 and error["param"] == name, (name, r.text)
        assert name in error["message"] or "Previous response" in error["message"]
    assert world.ups[kind].requests == []
    for name, nothing in (("background", False), ("prompt", None), ("max_tool_calls", None), ("conversation", None)):
        assert world.ask(kind, **{name: nothing}).status_code == 200


@pytest.mark.parametrize("kind", OTHERS)
def test_or_left_out_where_that_is_configured(gateway, upstream, kind):
    world = World(gateway, upstream, drop_params=True)
    for name in ("background", "prompt", "max_tool_calls"):
        r = world.ask(kind, **{name: FIELDS[name]})
        assert r.status_code == 200 and dropped(r) == [name], r.text
        assert name not in world.sent(kind) and r.json()["background"] is False


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_told_otherwise_is_no_loss(world, kind):
    """What the neutral request says, what the gateway does itself, what concerns a stream it writes anyway."""
    for name in ("store", "include", "stream_options", "top_logprobs", "instructions"):
        r = world.ask(kind, **{name: FIELDS[name]})
        assert r.status_code == 200 and not dropped(r), (name, r.text)
        assert name not in world.sent(kind) or name == "instructions"


@pytest.mark.parametrize("kind", OTHERS)
def test_hints_without_a_counterpart_are_named(world, kind):
    for name in ("truncation", "prompt_cache_retention", "unheard_of"):
        r = world.ask(kind, **{name: FIELDS[name]})
        assert r.status_code == 200 and dropped(r) == [name], (name, r.headers)


def test_members_that_have_a_counterpart(world):
    cases = [
        ("chat", "safety_identifier", {"user": "sid"}), ("chat", "service_tier", {"service_tier": "flex"}),
        ("chat", "text", {"verbosity": "low"}), ("chat", "reasoning", {"reasoning_effort": "low"}),
        ("anthropic", "safety_identifier", {"metadata": {"user_id": "sid"}}),
        ("anthropic", "reasoning", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("gemini", "service_tier", {"serviceTier": "flex"}),
        ("ollama", "reasoning", {"think": True}),
    ]
    for kind, name, want in cases:
        r = world.ask(kind, **{name: FIELDS[name]})
        sent = world.sent(kind)
        assert r.status_code == 200 and not dropped(r), (kind, name, r.headers)
        assert {key: sent.get(key) for key in want} == want, (kind, name, sent)
    r = world.ask("chat", include=["message.output_text.logprobs"], top_logprobs=2)
    assert world.sent("chat")["logprobs"] is True and world.sent("chat")["top_logprobs"] == 2


TOOLS = [{"type": "web_search"}, {"type": "file_search", "vector_store_ids": ["vs"]},
         {"type": "code_interpreter", "container": {"type": "auto"}},
         {"type": "mcp", "server_label": "l", "server_url": "https://x"}, {"type": "image_generation"},
         {"type": "computer_use_preview", "display_width": 1, "display_height": 1, "environment": "browser"},
         {"type": "local_shell"}, {"type": "shell"}, {"type": "apply_patch"}, {"type": "tool_search"}, {"type": "new"}]
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}


@pytest.mark.parametrize("kind", list(MODELS))
def test_a_vendors_own_tools_never_fail(world, kind):
    """Clients offer them unasked (Codex its web_search): left out and named where there is no counterpart."""
    has = {"native": {t["type"] for t in TOOLS}, "anthropic": {"web_search"},
           "gemini": {"web_search", "code_interpreter"}}.get(kind, set())
    for tool in TOOLS:
        r = world.ask(kind, tools=[tool], tool_choice="auto")
        assert r.status_code == 200, r.text
        assert dropped(r) == ([] if tool["type"] in has else ["tools"]), tool
        r = world.ask(kind, tools=[FUNCTION, tool])
        assert r.status_code == 200 and '"f"' in json.dumps(world.sent(kind))


LARK = 'start: "*** Begin Patch"'
PATCH = {"type": "custom", "name": "apply_patch", "description": "Edits files",
         "format": {"type": "grammar", "syntax": "lark", "definition": LARK}}
SPACE = {"type": "namespace", "name": "docs", "description": "d", "tools": [
    {"type": "function", "name": "find", "parameters": {"type": "object", "properties": {}}}]}


@pytest.mark.parametrize("kind", OTHERS)
def test_free_text_tools_and_namespaces_are_functions(world, kind):
    r = world.ask(kind, tools=[PATCH, SPACE])
    text = json.dumps(world.sent(kind))
    assert r.status_code == 200 and not dropped(r), r.headers
    assert '"apply_patch"' in text and json.dumps(LARK)[1:-1] in text and '"input"' in text and '"docs__find"' in text
    assert r.json()["tools"] == [PATCH, SPACE]  # shown as they came


def test_openai_itself_gets_free_text_tools_in_its_own_words(gateway, upstream):
    """Azure's OpenAI stands for OpenAI here: it may be anywhere."""
    up = upstream(lambda conn, req: conn.sendall(reply(completion("hi"))))
    g = gateway(config_of(model("m", up.base[:-3], model="azure/gpt-4o", api_version="2026-01-01")))
    history = [{"role": "user", "content": "q"},
               {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": "*** Begin Patch"},
               {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"}]
    r = g.http.post("/v1/responses", json={"model": "m", "input": history, "tools": [PATCH], "prompt_cache_key": "k",
                                           "safety_identifier": "sid", "metadata": {"a": "b"}})
    assert r.status_code == 200, r.text
    sent = body_of(up.requests[-1])
    assert sent["tools"] == [{"type": "custom", "custom": {
        "name": "apply_patch", "description": "Edits files",
        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": LARK}}}}]
    assert sent["messages"][1]["tool_calls"] == [{"id": "c1", "type": "custom", "custom": {
        "name": "apply_patch", "input": "*** Begin Patch"}}]
    assert (sent["prompt_cache_key"], sent["safety_identifier"]) == ("k", "sid")
    assert "metadata" not in sent and "user" not in sent  # OpenAI takes metadata only to store it
    assert r.json()["metadata"] == {"a": "b"}


ITEMS = [{"type": "compaction", "encrypted_content": "X"}, {"type": "additional_tools", "tools": []},
         {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
         {"type": "local_shell_call", "id": "l", "call_id": "c1", "action": {"type": "exec", "command": ["ls"]}},
         {"type": "apply_patch_call_output", "call_id": "c2", "status": "completed", "output": "ok"},
         {"type": "computer_call_output", "call_id": "c4", "output": {"type": "computer_screenshot", "image_url": "x"}},
         {"type": "mcp_approval_response", "approval_request_id": "x", "approve": True}, {"type": "not_yet_known"}]


@pytest.mark.parametrize("kind", list(MODELS))
def test_items_of_one_vendor_stay_behind_and_are_named(world, kind):
    for item in ITEMS:
        body = [{"role": "user", "content": "q"}, item, {"role": "user", "content": "z"}]
        r = world.ask(kind, input=body)
        assert r.status_code == 200, r.text
        if kind == "native":
            assert world.sent(kind)["input"] == body
        else:
            assert dropped(r) == [f"input.{item['type']}"]
        if kind == "chat":
            assert [m["role"] for m in world.sent(kind)["messages"]] == ["user", "user"]  # no empty turn between


CURSOR = {"input": [{"role": "system", "content": "be brief"},
                    {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c1", "output": "42"}],
          "tools": [FUNCTION, PATCH, {"type": "web_search"}], "reasoning": {"effort": "low"}, "max_output_tokens": 99,
          "include": ["reasoning.encrypted_content"], "store": False, "prompt_cache_key": "k",
          "text": {"verbosity": "low"}, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/cursor/chat/completions"])
@pytest.mark.parametrize("kind", list(MODELS))
def test_the_chat_route_given_input(gateway, upstream, kind, path):
    """Cursor's requests: read as Responses requests, answered as chat completions, streamed too."""
    def handle(conn, req):
        body = body_of(req)
        sent.append(body)
        if not (body.get("stream") or b"streamGenerateContent" in req):
            answer = dict(ANSWERS[kind])
            if kind == "native":
                answer["output"] = [OUTPUT]
            conn.sendall(reply(answer))
            return
        conn.sendall(reply(STREAMS[kind], content_type="application/x-ndjson" if kind == "ollama"
                           else "text/event-stream"))
    sent = []
    up = upstream(handle)
    g = gateway(config_of(model("m", up.base if kind in ("chat", "native") else up.base[:-3], model=MODELS[kind])))
    r = g.http.post(path, json={"model": "m", **CURSOR})
    assert r.status_code == 200, r.text
    assert r.json()["object"] == "chat.completion" and r.json()["choices"][0]["message"]["content"] == "hi"
    r = g.http.post(path, json={"model": "m", "stream": True, **CURSOR})
    assert r.status_code == 200 and r.headers["content-type"].startswith("text/event-stream"), r.text
    data = [line[6:] for line in r.text.split("\n") if line.startswith("data: ")]
    assert data[-1] == "[DONE]" and "event:" not in r.text
    chunks = [json.loads(d) for d in data[:-1]]
    assert {c["object"] for c in chunks} == {"chat.completion.chunk"}
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == "hi"
    assert sum(1 for c in chunks if c.get("usage")) == 1 and chunks[-1]["usage"]["completion_tokens"] == 1
    if kind == "native":
        assert sent[0] == {"model": "u", **CURSOR} and sent[1] == {"model": "u", "stream": True, **CURSOR}
    else:
        assert all("42" in json.dumps(s) and "be brief" in json.dumps(s) and "input" not in s for s in sent)


OUTPUT = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
          "content": [{"type": "output_text", "text": "hi", "annotations": []}]}


def sse(*events, named=True):
    return "".join((f"event: {e['type']}\n" if named else "") + f"data: {json.dumps(e)}\n\n" for e in events)


STREAMS = {
    "chat": sse(*[{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "u", **more} for more in (
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})], named=False)
    + "data: [DONE]\n\n",
    "anthropic": sse({"type": "message_start", "message": {**ANSWERS["anthropic"], "content": []}},
                     {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                     {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
                     {"type": "content_block_stop", "index": 0},
                     {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
                     {"type": "message_stop"}),
    "gemini": sse(ANSWERS["gemini"], named=False),
    "ollama": json.dumps(ANSWERS["ollama"]) + "\n",
    "cohere": sse({"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
                  {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
                  {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "hi"}}}},
                  {"type": "content-end", "index": 0},
                  {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {
                      "tokens": {"input_tokens": 1, "output_tokens": 1}}}}),
    "native": sse({"type": "response.created", "sequence_number": 0, "response": {**ANSWERS["native"], "output": []}},
                  {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "output_index": 0,
                   "content_index": 0, "delta": "hi"},
                  {"type": "response.completed", "sequence_number": 2,
                   "response": {**ANSWERS["native"], "output": [OUTPUT]}}),
}

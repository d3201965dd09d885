"""Prompt-cache marks of LiteLLM's clients, towards vendors that do not know them."""

from conftest import body_of, config_of, model, reply

MARKED = [{"role": "system", "content": [{"type": "text", "text": "A long prompt.", "cache_control": {"type": "ephemeral"}}]},
          {"role": "user", "content": "Hi"}]
CHAT = {"id": "x", "object": "chat.completion", "created": 1, "model": "u", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}


def sent(gateway, upstream, name):
    up = upstream(lambda conn, req: conn.sendall(reply(CHAT)))
    g = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", model=name)))
    r = g.http.post("/v1/chat/completions", json={"model": "m", "messages": MARKED})
    assert r.status_code == 200, r.text
    return body_of(up.requests[0])


def test_openai_itself_gets_none(gateway, upstream):
    messages = sent(gateway, upstream, "azure/gpt-4o")["messages"]
    assert messages == [{"role": "system", "content": "A long prompt."}, {"role": "user", "content": "Hi"}]


def test_a_server_like_openai_gets_what_was_sent(gateway, upstream):
    assert sent(gateway, upstream, "openai/some-model")["messages"] == MARKED

"""cache_control_injection_points: prompt-cache marks for clients who know nothing of them."""
import json

from conftest import config_of, model, reply

EPHEMERAL = {"type": "ephemeral"}


def claude(conn, req):
    conn.sendall(reply({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
                        "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
                        "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1}}))


def body_of(up, i=-1):
    return json.loads(up.requests[i].partition(b"\r\n\r\n")[2])


def start(gateway, up, points, **more):
    return gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", model="anthropic/claude-sonnet-4-5",
                                   cache_control_injection_points=points, **more)))


TURNS = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "one"},
         {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]


def marks(body):
    """Where marks stand: (place, text) and the mark."""
    found = {}
    for block in body.get("system", []) if isinstance(body.get("system"), list) else []:
        if "cache_control" in block:
            found["system"] = block["cache_control"]
    for m in body["messages"]:
        for block in m["content"] if isinstance(m["content"], list) else []:
            if "cache_control" in block:
                found[block["text"]] = block["cache_control"]
    for tool in body.get("tools", []):
        if "cache_control" in tool:
            found["tool " + tool["name"]] = tool["cache_control"]
    return found


def test_by_role_and_by_index(gateway, upstream):
    up = upstream(claude)
    g = start(gateway, up, [{"location": "message", "role": "system"},
                            {"location": "message", "index": -1,
                             "control": {"type": "ephemeral", "ttl": "1h"}}])
    r = g.http.post("/v1/chat/completions", json={"model": "m", "messages": TURNS})
    assert r.status_code == 200, r.text
    assert marks(body_of(up)) == {"system": EPHEMERAL, "three": {"type": "ephemeral", "ttl": "1h"}}


def test_every_message_of_a_role_and_the_tools(gateway, upstream):
    up = upstream(claude)
    g = start(gateway, up, [{"location": "message", "role": "user"}, {"location": "tool_config"}])
    tools = [{"type": "function", "function": {"name": n, "parameters": {"type": "object", "properties": {}}}}
             for n in ("first", "second")]
    g.http.post("/v1/chat/completions", json={"model": "m", "messages": TURNS, "tools": tools})
    assert marks(body_of(up)) == {"one": EPHEMERAL, "three": EPHEMERAL, "tool second": EPHEMERAL}


def test_points_that_fit_nothing_do_no_harm(gateway, upstream):
    up = upstream(claude)
    g = start(gateway, up, [{"location": "message", "index": 99}, {"location": "elsewhere"},
                            {"location": "message", "index": "1"}, {}, "x"])
    g.http.post("/v1/chat/completions", json={"model": "m", "messages": TURNS})
    assert marks(body_of(up)) == {"one": EPHEMERAL}


def test_callers_of_the_same_dialect_and_their_own_marks(gateway, upstream):
    up = upstream(claude)
    g = start(gateway, up, [{"location": "message", "role": "user"}])
    own = {"type": "ephemeral", "ttl": "1h"}
    r = g.http.post("/v1/messages", json={"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": [{"type": "text", "text": "one", "cache_control": own}]},
        {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]})
    assert r.status_code == 200, r.text
    assert marks(body_of(up)) == {"one": own, "three": EPHEMERAL}


def test_a_fallback_without_points_gets_none(gateway, upstream):
    bad = upstream(lambda conn, req: conn.sendall(reply({"error": {"message": "no"}}, "500 Oops")))
    good = upstream(claude)
    g = gateway(config_of(
        model("m", f"http://127.0.0.1:{bad.port}", model="anthropic/claude-sonnet-4-5", num_retries=0,
              cache_control_injection_points=[{"location": "message", "role": "user"}]),
        model("n", f"http://127.0.0.1:{good.port}", model="anthropic/claude-sonnet-4-5"),
        litellm_settings={"num_retries": 0}, router_settings={"fallbacks": [{"m": ["n"]}]}))
    g.http.post("/v1/chat/completions", json={"model": "m", "messages": TURNS})
    assert marks(body_of(bad, 0)) and not marks(body_of(good))

"""The Responses API's memory: store, previous_response_id, the routes by id; and who may see what."""
import json

from conftest import completion, config_of, model, reply


def body_of(request):
    return json.loads(request.partition(b"\r\n\r\n")[2])


def chat_upstream(upstream):
    def handle(conn, req):
        conn.sendall(reply(completion(f"answer {len(up.requests)}")))
    up = upstream(handle)
    return up


def test_a_chat_route_given_input_reads_it_as_responses(gateway, upstream):
    up = chat_upstream(upstream)
    g = gateway(config_of(model("m", up.base)))
    r = g.http.post("/v1/chat/completions", json={
        "model": "m", "instructions": "be brief", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]})
    assert r.status_code == 200, r.text
    assert r.json()["object"] == "chat.completion" and r.json()["choices"][0]["message"]["content"] == "answer 1"
    sent = body_of(up.requests[0])
    assert [m["role"] for m in sent["messages"]] == ["system", "user"]
    assert sent["tools"][0]["function"]["name"] == "f" and "input" not in sent

"""The Responses API's memory: store, previous_response_id, the routes by id; and who may see what."""
import json

from conftest import body_of, completion, config_of, model, reply


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


def create(g, key=None, **body):
    fields = {"authorization": f"Bearer {key}"} if key else {}
    return g.http.post("/v1/responses", json={"model": "m", **body}, headers=fields)


def text_of(response):
    return [p["text"] for item in response["output"] if item["type"] == "message" for p in item["content"]]


def test_a_chain_of_responses_on_a_chat_upstream(gateway, upstream):
    up = chat_upstream(upstream)
    g = gateway(config_of(model("m", up.base)))
    one = create(g, input="first", instructions="old rules").json()
    assert text_of(one) == ["answer 1"] and one["store"] is True and one["previous_response_id"] is None
    two = create(g, input=[{"role": "user", "content": "second"}], previous_response_id=one["id"]).json()
    assert two["previous_response_id"] == one["id"] and two["id"] != one["id"]
    three = create(g, input="third", previous_response_id=two["id"]).json()
    assert text_of(three) == ["answer 3"]
    sent = [(m["role"], m["content"]) for m in body_of(up.requests[2])["messages"]]
    flat = [(r, c if isinstance(c, str) else c[0]["text"]) for r, c in sent]
    assert flat == [("user", "first"), ("assistant", "answer 1"), ("user", "second"),
                    ("assistant", "answer 2"), ("user", "third")]  # old instructions do not carry over
    assert "previous_response_id" not in body_of(up.requests[2])
    # a branch from the first
    create(g, input="other", previous_response_id=one["id"])
    assert len(body_of(up.requests[3])["messages"]) == 3


def test_streams_are_kept_too(gateway, upstream):
    g = gateway(config_of(model("m", "http://127.0.0.1:1", model="sluice/echo")))
    r = create(g, input="ping", stream=True)
    events = [json.loads(line[6:]) for line in r.text.split("\n") if line.startswith("data: ")]
    done = events[-1]
    assert done["type"] == "response.completed"
    assert g.http.get(f"/v1/responses/{done['response']['id']}").json() == done["response"]


def test_the_routes_by_id(gateway, upstream):
    up = chat_upstream(upstream)
    g = gateway(config_of(model("m", up.base)))
    one = create(g, input=[{"role": "user", "content": "a"},
                           {"type": "message", "role": "user", "id": "msg_mine", "content": [
                               {"type": "input_text", "text": "b"}]}]).json()
    path = f"/v1/responses/{one['id']}"
    assert g.http.get(path).json() == one
    assert g.http.get(path + "?stream=true").status_code == 400
    items = g.http.get(path + "/input_items").json()
    assert items["object"] == "list" and items["has_more"] is False
    assert [i["content"][0]["text"] for i in items["data"]] == ["b", "a"]  # newest first
    assert items["data"][0]["id"] == "msg_mine" == items["first_id"] and items["data"][1]["id"] == items["last_id"]
    page = g.http.get(path + "/input_items?order=asc&limit=1").json()
    assert page["has_more"] is True and page["data"][0]["content"] == [{"type": "input_text", "text": "a"}]
    after = g.http.get(path + f"/input_items?order=asc&after={page['last_id']}").json()
    assert [i["id"] for i in after["data"]] == ["msg_mine"]
    r = g.http.post(path + "/cancel")
    assert r.status_code == 400 and "synchronous" in r.json()["error"]["message"]
    assert g.http.post(path + "/elsewhere", json={}).status_code == 404
    gone = g.http.delete(path).json()
    assert gone == {"id": one["id"], "object": "response", "deleted": True}
    for r in (g.http.get(path), g.http.delete(path), g.http.get(path + "/input_items"), g.http.post(path + "/cancel")):
        assert r.status_code == 404 and one["id"] in r.json()["error"]["message"]
    assert g.http.get("/v1/responses/..%2f..%2fkey").status_code == 404


def test_store_false_keeps_nothing(gateway, upstream):
    up = chat_upstream(upstream)
    g = gateway(config_of(model("m", up.base)))
    one = create(g, input="a", store=False).json()
    assert one["store"] is False
    assert g.http.get(f"/v1/responses/{one['id']}").status_code == 404
    kept = create(g, input="a").json()
    two = create(g, input="b", store=False, previous_response_id=kept["id"])
    assert two.status_code == 200 and len(body_of(up.requests[2])["messages"]) == 3
    assert g.http.get(f"/v1/responses/{two.json()['id']}").status_code == 404


def test_unknown_ids_and_what_a_chat_upstream_cannot_do(gateway, upstream):
    up = chat_upstream(upstream)
    g = gateway(config_of(model("m", up.base)))
    r = create(g, input="x", previous_response_id="resp_nowhere")
    assert r.status_code == 400
    assert r.json()["error"]["param"] == "previous_response_id" and "resp_nowhere" in r.json()["error"]["message"]
    r = create(g, input="x", background=True)
    assert r.status_code == 400 and r.json()["error"]["param"] == "background"
    r = create(g, input="x", conversation="conv_1")
    assert r.status_code == 400 and r.json()["error"]["param"] == "conversation"
    assert up.requests == []
    assert create(g, input="x", background=False, conversation=None, previous_response_id=None).status_code == 200


def test_tool_results_find_their_stored_call(gateway, upstream):
    calls = [{"id": "call_9", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]

    def handle(conn, req):
        first = len(up.requests) == 1
        body = completion("done")
        if first:
            body["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": calls}
            body["choices"][0]["finish_reason"] = "tool_calls"
        conn.sendall(reply(body))
    up = upstream(handle)
    g = gateway(config_of(model("m", up.base)))
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]
    one = create(g, input="go", tools=tools).json()
    r = create(g, previous_response_id=one["id"], tools=tools,
               input=[{"type": "function_call_output", "call_id": "call_9", "output": "42"}])
    assert r.status_code == 200, r.text
    sent = body_of(up.requests[1])["messages"]
    assert sent[1]["tool_calls"][0]["id"] == "call_9"
    assert sent[2]["role"] == "tool" and sent[2]["tool_call_id"] == "call_9" and sent[2]["content"] == "42"


def native(upstream):
    """A strict little Responses server: it knows only the ids that it gave out."""
    given = {}

    def handle(conn, req):
        line = req.split(b"\r\n")[0].decode()
        method, path, _ = line.split(" ")
        if method != "POST":
            rid = path.split("?")[0].split("/")[3]
            conn.sendall(reply({"seen": line, "id": rid} if rid in given else {"error": {"message": "none"}},
                               "200 OK" if rid in given else "404 Not Found"))
            return
        body = body_of(req)
        previous = body.get("previous_response_id")
        if previous and previous not in given:
            conn.sendall(reply({"error": {"message": "previous not found", "type": "invalid_request_error",
                                          "param": "previous_response_id", "code": "previous_response_not_found"}},
                               "400 Bad Request"))
            return
        rid = f"resp_up{up.port}_{len(given)}"
        given[rid] = body
        response = {"id": rid, "object": "response", "created_at": 1, "status": "completed", "model": body["model"],
                    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                                "content": [{"type": "output_text", "text": "hi", "annotations": []}]}],
                    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}
        if body.get("stream"):
            started = {**response, "status": "in_progress", "output": []}
            text = "".join(f"event: {t}\ndata: {json.dumps({'type': t, 'sequence_number': i, 'response': v})}\n\n"
                           for i, (t, v) in enumerate((("response.created", started),
                                                       ("response.completed", response))))
            conn.sendall(reply(text, content_type="text/event-stream"))
        else:
            conn.sendall(reply(response))
    up = upstream(handle)
    up.given = given
    return up


def test_native_upstreams_keep_their_own_and_are_found_again(gateway, upstream):
    ups = [native(upstream), native(upstream)]
    g = gateway(config_of(*[model("m", up.base, model="openai/responses/u") for up in ups],
                          litellm_settings={"num_retries": 0}))
    for stream in (False, True):
        r = create(g, input="a", stream=stream)
        rid = r.json()["id"] if not stream else \
            [json.loads(x[6:]) for x in r.text.split("\n") if x.startswith("data: ")][-1]["response"]["id"]
        assert rid.startswith("resp_up")
        for _ in range(6):  # always where it is, never a coin thrown
            r = create(g, input="b", previous_response_id=rid)
            assert r.status_code == 200, r.text
        r = g.http.get(f"/v1/responses/{rid}/input_items?limit=5&key=secret")
        assert r.status_code == 200
        assert r.json() == {"seen": f"GET /v1/responses/{rid}/input_items?limit=5 HTTP/1.1", "id": rid}
        assert g.http.delete(f"/v1/responses/{rid}").json()["seen"].startswith("DELETE")
        assert g.http.get(f"/v1/responses/{rid}").status_code == 404


def test_a_websocket_is_told_no(gateway, upstream):
    g = gateway(config_of(model("m", "http://127.0.0.1:1", model="sluice/echo")))
    fields = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
              "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for path in ("/v1/responses", "/responses"):
        assert g.http.get(path, headers=fields).status_code == 426
    assert g.http.get("/v1/responses").status_code == 405


def test_with_a_master_key(gateway, upstream):
    g = gateway(config_of(model("m", "http://127.0.0.1:1", model="sluice/echo"),
                          general_settings={"master_key": "sk-master-key-of-test"}))
    one = create(g, "sk-master-key-of-test", input="a").json()
    key = {"authorization": "Bearer sk-master-key-of-test"}
    assert g.http.get(f"/v1/responses/{one['id']}", headers=key).status_code == 200
    assert g.http.get(f"/v1/responses/{one['id']}").status_code == 401


def wildcards(gateway, upstream):
    ups = [native(upstream), native(upstream)]
    return ups, gateway(config_of(*[model("gpt/*", up.base, model="openai/responses/u-*") for up in ups],
                                  litellm_settings={"num_retries": 0}))


def test_a_wildcard_models_responses_are_found_again(gateway, upstream):
    ups, g = wildcards(gateway, upstream)
    first = g.http.post("/v1/responses", json={"model": "gpt/x", "input": "a"}).json()
    for _ in range(8):
        r = g.http.post("/v1/responses", json={"model": "gpt/y", "input": "b", "previous_response_id": first["id"]})
        assert r.status_code == 200 and r.json()["model"] == "gpt/y", r.text
    sent = [b["model"] for up in ups for b in up.given.values()]
    assert sorted(sent) == ["u-x"] + ["u-y"] * 8


def test_a_conversation_stays_where_it_is(gateway, upstream):
    ups, g = wildcards(gateway, upstream)
    for i in range(8):
        conversation = "conv_1" if i % 2 else {"id": "conv_1"}
        r = g.http.post("/v1/responses", json={"model": "gpt/x", "input": "a", "conversation": conversation,
                                               "store": i % 3 > 0, "stream": i == 4})
        assert r.status_code == 200, r.text
    assert sorted(len(up.given) for up in ups) == [0, 8]


def test_the_upstreams_error_keeps_its_code(gateway, upstream):
    _, g = wildcards(gateway, upstream)
    for stream in (False, True):
        r = g.http.post("/v1/responses", json={"model": "gpt/x", "input": "a", "stream": stream,
                                               "previous_response_id": "resp_gone"})
        error = r.json()["error"]
        assert r.status_code == 400 and "previous not found" in error.pop("message")
        assert error == {"type": "invalid_request_error", "param": "previous_response_id",
                         "code": "previous_response_not_found"}


def test_our_own_errors_have_codes(gateway, upstream):
    up = chat_upstream(upstream)
    g = gateway(config_of(model("m", up.base)))
    for body, code in (({"previous_response_id": "resp_no"}, "previous_response_not_found"),
                       ({"conversation": "c"}, "unsupported_parameter")):
        error = create(g, input="x", **body).json()["error"]
        assert error["code"] == code and error["param"] in body and "provider_specific_fields" not in error


COMPACTED = {"id": "resp_c", "object": "response.compaction", "created_at": 1,
             "output": [{"type": "compaction", "id": "cmp_1", "encrypted_content": "SEALED"}],
             "usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}}


def test_compacting_is_the_upstreams(gateway, upstream):
    ups = []
    for _ in range(2):
        up = native(upstream)
        create_here = up.handle

        def handle(conn, req, create_here=create_here):
            if b" /v1/responses/compact " in req.split(b"\r\n")[0]:
                conn.sendall(reply(COMPACTED))
            else:
                create_here(conn, req)
        up.handle = handle
        ups.append(up)
    g = gateway(config_of(*[model("m", up.base, model="openai/responses/u") for up in ups]))
    first = create(g, input="a").json()
    for path in ("/v1/responses/compact", "/responses/compact", "/openai/v1/responses/compact"):
        r = g.http.post(path, json={"model": "m", "previous_response_id": first["id"], "input": "b"})
        assert r.status_code == 200 and r.json() == COMPACTED, r.text
        assert r.headers["x-litellm-model-id"]
    home = next(up for up in ups if first["id"] in up.given)
    assert [body_of(r)["model"] for r in home.requests] == ["u"] * 4
    assert sum(len(up.requests) for up in ups) == 4


def test_compacting_what_is_kept_here(gateway, upstream):
    """The history came from a chat upstream; what is sent on is the history itself."""
    chat = chat_upstream(upstream)
    other = upstream(lambda conn, req: conn.sendall(reply(COMPACTED)))
    g = gateway(config_of(model("m", chat.base), model("big", other.base, model="openai/responses/u")))
    first = create(g, input="a").json()
    r = create(g, model="big", input="b", previous_response_id=first["id"])
    r = g.http.post("/v1/responses/compact", json={"model": "big", "previous_response_id": first["id"]})
    assert r.json() == COMPACTED
    sent = body_of(other.requests[-1])
    assert sent["previous_response_id"] is None and [i["role"] for i in sent["input"]] == ["user", "assistant"]
    r = g.http.post("/v1/responses/compact", json={"model": "m", "input": "x"})
    error = r.json()["error"]
    assert r.status_code == 400 and error["param"] == "model" and "summary" in error["message"]
    assert g.http.get("/v1/responses/compact").status_code == 404  # no response of that name


def test_items_of_kept_responses_can_be_referred_to(gateway, upstream):
    """As Vercel's SDK does: instead of what was said, the items' ids."""
    calls = [{"id": "call_9", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]

    def handle(conn, req):
        body = completion("said")
        if len(up.requests) == 1:
            body["choices"][0]["message"] = {"role": "assistant", "content": "before", "tool_calls": calls}
            body["choices"][0]["finish_reason"] = "tool_calls"
        conn.sendall(reply(body))
    up = upstream(handle)
    g = gateway(config_of(model("m", up.base)))
    one = create(g, input="go").json()
    history = [{"role": "user", "content": "go"},
               *[{"type": "item_reference", "id": i["id"]} for i in one["output"]],
               {"type": "function_call_output", "call_id": "call_9", "output": "42"}]
    two = create(g, input=history, previous_response_id=None, store=False)
    assert two.status_code == 200 and "x-sluice-dropped-params" not in two.headers, two.text
    sent = body_of(up.requests[1])["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "tool"]
    assert sent[1]["content"] == "before" and sent[1]["tool_calls"] == calls
    # what is kept of it stands for itself
    three = create(g, input=history).json()
    items = g.http.get(f"/v1/responses/{three['id']}/input_items?order=asc").json()["data"]
    assert [i["type"] for i in items] == ["message", "message", "function_call", "function_call_output"]
    four = create(g, input=[{"type": "item_reference", "id": three["output"][0]["id"]}, {"role": "user", "content": "x"}],
                  previous_response_id=one["id"])
    assert [m["role"] for m in body_of(up.requests[3])["messages"]][:2] == ["user", "assistant"], four.text
    for missing in ("msg_nowhere_0", "rs_x", "", "fc_" + one["id"][5:] + "_7"):
        r = create(g, input=[{"type": "item_reference", "id": missing or "none"}])
        assert r.status_code == 404 and r.json()["error"]["param"] == "input", r.text
        assert f"'{missing or 'none'}' not found" in r.json()["error"]["message"]


def test_references_at_a_native_upstream_are_its_own(gateway, upstream):
    chat, up = chat_upstream(upstream), native(upstream)
    g = gateway(config_of(model("c", chat.base), model("m", up.base, model="openai/responses/u")))
    theirs = [{"type": "item_reference", "id": "msg_theirs"}]
    assert create(g, input=theirs).status_code == 200 and body_of(up.requests[0])["input"] == theirs
    ours = create(g, model="c", input="a").json()["output"][0]
    r = create(g, input=[*theirs, {"type": "item_reference", "id": ours["id"]}])
    assert r.status_code == 200 and body_of(up.requests[1])["input"] == [*theirs, ours]

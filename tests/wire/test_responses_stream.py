"""Responses streams: their numbers, signs of life and failures, relayed and translated; what SDKs make of them."""
import json
import time

import pytest
from conftest import body_of, chunk, config_of, http_chunk, model, reply, stream_head

SILENT = ("--patience-ms", "150", "--keepalive-ms", "150")


def frame(kind, number=None, named=True, **more):
    data = {"type": kind, **({} if number is None else {"sequence_number": number}), **more}
    return (f"event: {kind}\n" if named else "") + f"data: {json.dumps(data)}\n\n"


def response(status="in_progress", output=(), **more):
    return {"id": "resp_up", "object": "response", "created_at": 1790000000, "status": status, "model": "u",
            "output": list(output), "error": None, **more}


ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "hello", "annotations": []}]}


def native_events(numbered=True, named=True):
    part = {"type": "output_text", "text": "", "annotations": []}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events = [("response.created", {"response": response()}),
              ("response.in_progress", {"response": response()}),
              ("response.output_item.added", {"output_index": 0, "item": {**ITEM, "status": "in_progress", "content": []}}),
              ("response.content_part.added", {**place, "part": part}),
              ("response.output_text.delta", {**place, "delta": "hel", "logprobs": []}),
              ("response.output_text.delta", {**place, "delta": "lo", "logprobs": []}),
              ("response.output_text.done", {**place, "text": "hello", "logprobs": []}),
              ("response.content_part.done", {**place, "part": ITEM["content"][0]}),
              ("response.output_item.done", {"output_index": 0, "item": ITEM}),
              ("response.completed", {"response": response("completed", [ITEM], usage={
                  "input_tokens": 1, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2,
                  "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 3})})]
    return [frame(kind, i if numbered else None, named, **more) for i, (kind, more) in enumerate(events)]


def native(upstream, steps):
    """Sends the steps: text as a chunk, a number as a pause in seconds, None as a cut."""
    def handle(conn, req):
        if isinstance(steps[0], float):  # silent before its head
            time.sleep(steps[0])
        conn.sendall(stream_head())
        for step in steps:
            if step is None:
                return "close"
            if isinstance(step, float):
                time.sleep(step)
            else:
                conn.sendall(http_chunk(step))
        conn.sendall(b"0\r\n\r\n")
    return upstream(handle)


def ask(g, path="/v1/responses", **more):
    r = g.http.post(path, json={"model": "m", "input": "hi", "stream": True, **more})
    assert r.status_code == 200, r.text
    assert "[DONE]" not in r.text
    return r.text


def events_of(raw):
    """Of a stream in which every event is named and numbered."""
    events = []
    for block in raw.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        name, _, data = block.partition("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == len(events), block
        events.append(event)
    return events


def kinds(events):
    return [e["type"] for e in events]


def relaying(gateway, up, *flags, **params):
    return gateway(config_of(model("m", up.base, model="openai/responses/u", **params),
                             litellm_settings={"num_retries": 0}), *flags)


def test_a_relayed_stream_keeps_its_bytes(gateway, upstream):
    steps = native_events()
    g = relaying(gateway, native(upstream, steps))
    assert ask(g) == "".join(steps).replace('"model": "u"', '"model": "m"')


def test_signs_of_life_between_relayed_events_are_numbered(gateway, upstream):
    steps = native_events()
    g = relaying(gateway, native(upstream, [*steps[:5], 0.55, steps[5], 0.4, *steps[6:]]), *SILENT)
    events = events_of(ask(g))
    alive = [i for i, e in enumerate(events) if e["type"] == "keepalive"]
    assert len(alive) >= 4 and alive[0] == 5 and set(events[5]) == {"type", "sequence_number"}
    rest = [e for e in events if e["type"] != "keepalive"]
    assert kinds(rest) == [json.loads(s.split("data: ")[1])["type"] for s in steps]
    assert rest[-1]["response"]["model"] == "m" and rest[-1]["response"]["output"] == [ITEM]


@pytest.mark.parametrize("named", [True, False])
def test_an_upstream_without_numbers_or_names_gets_both(gateway, upstream, named):
    g = relaying(gateway, native(upstream, [*native_events(False, named), "data: [DONE]\n\n"]))
    assert len(events_of(ask(g))) == 10


def test_silence_before_a_relayed_stream_is_comments(gateway, upstream):
    g = relaying(gateway, native(upstream, [0.6, *native_events()]), *SILENT)
    raw = ask(g)
    assert raw.startswith(": keep-alive\n\n: keep-alive\n\n")
    assert kinds(events_of(raw))[0] == "response.created"


def test_a_cut_relayed_stream_fails_with_the_next_numbers(gateway, upstream):
    g = relaying(gateway, native(upstream, [*native_events()[:6], None]))
    events = events_of(ask(g))
    assert kinds(events)[6:] == ["error", "response.failed"]
    assert events[6]["message"] == events[6]["error"]["message"] and events[6]["error"]["code"] == events[6]["code"]
    failed = events[7]["response"]
    assert (failed["id"], failed["model"], failed["status"], failed["object"]) == ("resp_up", "m", "failed", "response")
    assert failed["error"]["message"] and failed["output"] == []


def test_an_upstreams_error_event_ends_with_the_next_number(gateway, upstream):
    error = frame("error", 6, error={"type": "server_error", "code": "model_overloaded", "message": "Too busy",
                                     "param": None})
    steps = native_events()
    for pause in ([], [0.4]):
        g = relaying(gateway, native(upstream, [*steps[:6], *pause, error, *steps[6:]]), *SILENT)
        events = events_of(ask(g))
        assert kinds(events)[-2:] == ["error", "response.failed"]
        failed = events[-1]["response"]
        assert failed["error"] == {"code": "model_overloaded", "message": "Too busy"}
        assert failed["id"] == "resp_up" and failed["created_at"] == 1790000000


def test_silence_before_a_translated_stream_begins_it(gateway, upstream):
    def handle(conn, req):
        time.sleep(0.6)
        conn.sendall(stream_head() + http_chunk(chunk({"role": "assistant", "content": "hi"})))
        time.sleep(0.4)
        conn.sendall(http_chunk(chunk({}, "stop") + "data: [DONE]\n\n") + b"0\r\n\r\n")
    g = gateway(config_of(model("m", upstream(handle).base)), *SILENT)
    events = events_of(ask(g))
    assert kinds(events)[:4] == ["response.created", "response.in_progress", "keepalive", "keepalive"]
    assert kinds(events).count("response.created") == 1 and kinds(events).count("keepalive") >= 4
    ids = {e["response"]["id"] for e in events if "response" in e}
    assert len(ids) == 1 and events[-1]["response"]["output"][0]["content"][0]["text"] == "hi"


def test_what_has_begun_goes_on_in_another_attempt(gateway, upstream):
    """The first attempt fails behind signs of life; the next is of either kind."""
    def slow(conn, req):
        time.sleep(0.5)
        conn.sendall(reply({"error": {"message": "no"}}, "500 Internal Server Error"))
    steps = native_events()
    answers = {"native": native(upstream, steps),
               "chat": upstream(lambda conn, req: conn.sendall(stream_head() + http_chunk(
                   chunk({"role": "assistant", "content": "hello"}) + chunk({}, "stop") + "data: [DONE]\n\n")
                   + b"0\r\n\r\n"))}
    for kind, up in answers.items():
        name = "openai/responses/u" if kind == "native" else "openai/u"
        g = gateway(config_of(model("m", upstream(slow).base), model("other", up.base, model=name),
                              litellm_settings={"num_retries": 0, "fallbacks": [{"m": ["other"]}]}), *SILENT)
        events = events_of(ask(g))
        assert kinds(events).count("response.created") == 1 and "keepalive" in kinds(events)
        assert kinds(events)[-1] == "response.completed", events[-1]
        done = events[-1]["response"]
        assert done["id"] == events[0]["response"]["id"] and done["output"][0]["content"][0]["text"] == "hello"
        assert g.http.get(f"/v1/responses/{done['id']}").json() == done  # it is ours, so it is here


def test_a_failure_behind_signs_of_life(gateway, upstream):
    def slow(conn, req):
        time.sleep(0.5)
        conn.sendall(reply({"error": {"message": "gone wrong", "code": "internal_error"}}, "500 Internal Server Error"))
    for name in ("openai/u", "openai/responses/u"):
        g = gateway(config_of(model("m", upstream(slow).base, model=name), litellm_settings={"num_retries": 0}),
                    *SILENT)
        events = events_of(ask(g))
        assert kinds(events)[-2:] == ["error", "response.failed"]
        assert "gone wrong" in events[-1]["response"]["error"]["message"]
        assert events[-1]["response"]["id"].startswith("resp_") and events[-1]["response"]["status"] == "failed"


def test_what_cannot_be_repeated_fails_clearly(gateway, upstream):
    """The last event repeats the whole answer, so there is a longest one."""
    def handle(conn, req):
        conn.sendall(stream_head())
        piece = http_chunk(chunk({"content": "x" * 1000000}))
        try:
            for _ in range(80):
                conn.sendall(piece)
        except OSError:
            return "close"
    g = gateway(config_of(model("m", upstream(handle).base)))
    last = []
    with g.http.stream("POST", "/v1/responses", json={"model": "m", "input": "q", "stream": True}) as r:
        for line in r.iter_lines():
            if line.startswith("data: ") and '"output_text.delta"' not in line[:60]:
                last = [*last[-1:], line[6:]]
    events = [json.loads(text) for text in last]
    assert kinds(events) == ["error", "response.failed"]
    assert "64 MB" in events[0]["message"] and events[1]["response"]["output"] == []
    assert events[1]["sequence_number"] == events[0]["sequence_number"] + 1
    assert g.http.get("/health/liveliness").status_code == 200


def logprob(token):
    return {"token": token, "logprob": -0.5, "bytes": list(token.encode()),
            "top_logprobs": [{"token": token, "logprob": -0.5, "bytes": list(token.encode())}]}


def with_logprobs(delta, tokens, finish=None):
    c = json.loads(chunk(delta, finish)[6:])
    c["choices"][0]["logprobs"] = {"content": [logprob(t) for t in tokens], "refusal": None} if tokens else None
    return f"data: {json.dumps(c)}\n\n"


WANTED = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}


def test_log_probabilities_stand_in_their_deltas(gateway, upstream):
    def handle(conn, req):
        pieces = [with_logprobs({"role": "assistant", "content": ""}, []), with_logprobs({"content": "he"}, ["h", "e"]),
                  with_logprobs({"content": "y"}, ["y"]), with_logprobs({}, [], "stop"), "data: [DONE]\n\n"]
        conn.sendall(stream_head() + b"".join(map(http_chunk, pieces)) + b"0\r\n\r\n")
    g = gateway(config_of(model("m", upstream(handle).base)))
    events = events_of(ask(g, **WANTED))
    deltas = [e for e in events if e["type"] == "response.output_text.delta"]
    assert [[t["token"] for t in e["logprobs"]] for e in deltas] == [["h", "e"], ["y"]]
    assert deltas[1]["logprobs"] == [logprob("y")]
    whole = [logprob(t) for t in "hey"]
    assert next(e for e in events if e["type"] == "response.output_text.done")["logprobs"] == whole
    assert next(e for e in events if e["type"] == "response.content_part.done")["part"]["logprobs"] == whole
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == whole
    assert events[-1]["response"]["top_logprobs"] == 1


def test_log_probabilities_in_whole_answers(gateway, upstream):
    def handle(conn, req):
        c = {"id": "c", "object": "chat.completion", "created": 1, "model": "u", "choices": [{
            "index": 0, "message": {"role": "assistant", "content": "hey"}, "finish_reason": "stop",
            "logprobs": {"content": [logprob(t) for t in "hey"], "refusal": None}}]}
        conn.sendall(reply(c))
    g = gateway(config_of(model("m", upstream(handle).base)))
    r = g.http.post("/v1/responses", json={"model": "m", "input": "q", **WANTED}).json()
    assert r["output"][0]["content"][0]["logprobs"] == [logprob(t) for t in "hey"]


def test_chat_clients_get_log_probabilities_of_a_native_upstream(gateway, upstream):
    part = {"type": "output_text", "text": "hey", "annotations": [], "logprobs": [logprob(t) for t in "hey"]}
    item = {**ITEM, "content": [part]}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    sent = []

    def handle(conn, req):
        body = body_of(req)
        sent.append(body)
        if not body.get("stream"):
            conn.sendall(reply(response("completed", [item])))
            return
        steps = [("response.created", {"response": response()}),
                 ("response.output_item.added", {"output_index": 0, "item": {**item, "content": []}}),
                 *[("response.output_text.delta", {**place, "delta": t, "logprobs": [logprob(t)]}) for t in "hey"],
                 ("response.output_item.done", {"output_index": 0, "item": item}),
                 ("response.completed", {"response": response("completed", [item])})]
        text = "".join(frame(kind, i, **more) for i, (kind, more) in enumerate(steps))
        conn.sendall(reply(text, content_type="text/event-stream"))
    g = gateway(config_of(model("m", upstream(handle).base, model="openai/responses/u")))
    r = g.chat(logprobs=True, top_logprobs=1).json()
    assert r["choices"][0]["logprobs"]["content"] == part["logprobs"]
    chunks = [json.loads(x) for x in g.stream(logprobs=True, top_logprobs=1) if x != "[DONE]"]
    got = [t for c in chunks for o in c["choices"] for t in (o.get("logprobs") or {}).get("content") or []]
    assert got == part["logprobs"]
    assert all(s["include"] == ["message.output_text.logprobs"] and s["top_logprobs"] == 1 for s in sent)

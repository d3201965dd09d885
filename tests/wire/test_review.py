"""What goes wrong at the edges: keys that upstreams echo, fields that would cut a request in two, readers too
slow for their answer."""
import json
import signal
import socket
import time

import pytest

from conftest import chunk, completion, config_of, http_chunk, model, reply, stream_head

KEY = "sk-upstream-0123456789"
CORS = {"origin": "http://page.example", "access-control-request-method": "POST"}


def logged(gw, *, wait=0.5):
    time.sleep(wait)
    return "\n".join(gw.lines + gw.out_lines)


@pytest.mark.parametrize("vendor", ["openai/x", "anthropic/x"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_echoed_key_is_masked(gateway, upstream, vendor, stream):
    text = f"Incorrect API key provided: {KEY}."
    up = upstream(lambda c, r: c.sendall(reply({"error": {"message": text, "type": KEY, "code": KEY}},
                                               status="401 Unauthorized")) and None)
    gw = gateway(config_of(model("m", up.base, vendor, api_key=KEY)))
    r = gw.chat(stream=stream)
    assert r.status_code == 401 and "Incorrect API key provided: ***" in r.text
    assert KEY not in r.text and KEY not in str(r.headers) and KEY not in logged(gw)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("late", [False, True])
def test_a_key_echoed_inside_a_stream_is_masked(gateway, upstream, path, late):
    frames = [chunk({"role": "assistant", "content": "Hel"})] if late else []
    frames.append("data: " + json.dumps({"error": {"message": f"bad key {KEY}", "code": KEY}}) + "\n\n")

    def handle(conn, request):
        conn.sendall(stream_head())
        for f in frames:
            conn.sendall(http_chunk(f))
            time.sleep(0.1)
        conn.sendall(b"0\r\n\r\n")

    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base, api_key=KEY), router_settings={"num_retries": 0}))
    r = gw.http.post(path, json={"model": "m", "stream": True, "max_tokens": 9,
                                 "messages": [{"role": "user", "content": "hi"}]})
    assert "bad key ***" in r.text and KEY not in r.text and KEY not in logged(gw)


def test_a_key_echoed_to_a_pass_through_is_masked(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply({"error": f"bad key {KEY}"}, status="401 Unauthorized")) and None)
    gw = gateway(config_of(model("m", up.base, api_key=KEY)))
    r = gw.http.get("/openai/v1/assistants")
    assert r.json() == {"error": "bad key " + "*" * len(KEY)}


def test_passed_fields_cannot_change_where_the_request_ends(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply({})) and None)
    gw = gateway(config_of(model("m", up.base, api_key=KEY)))
    r = gw.http.post("/openai/v1/assistants", json={}, headers={
        "x-pass-transfer-encoding": "chunked", "x-pass-content-length": "0", "x-pass-host": "evil.example",
        "x-pass-authorization": "Bearer other", "x-pass-connection": "close", "x-pass-foo": "bar"})
    assert r.status_code == 200
    head = up.requests[0].partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")[1:]
    names = [f.partition(":")[0] for f in head]
    assert "foo" in names and "transfer-encoding" not in names and "connection" not in names
    assert names.count("content-length") == names.count("host") == names.count("authorization") == 1


@pytest.mark.parametrize("path", ["/v1/files", "/v1/files/f1", "/v1/messages/batches", "/v1/chat/completions",
                                  "/openai/v1/assistants", "/nothing"])
def test_preflight_needs_no_key(gateway, upstream, path):
    gw = gateway(config_of(model("m", "http://127.0.0.1:9/v1"), general_settings={"master_key": "sk-gateway"}))
    r = gw.http.options(path, headers=CORS)
    assert r.status_code == 204 and r.headers["access-control-allow-origin"] == "*"


def test_pages_read_what_is_passed_on_with_all_fields(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply({})) and None)
    gw = gateway(config_of(general_settings={"pass_through_endpoints": [
        {"path": "/all", "target": f"http://127.0.0.1:{up.port}", "include_subpath": True, "forward_headers": True}]}))
    r = gw.http.get("/all/x", headers=CORS)
    assert r.status_code == 200 and r.headers["access-control-allow-origin"] == "*"


def test_names_of_dropped_parameters_stay_one_field(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply(completion())) and None)
    gw = gateway(config_of(model("m", up.base, "anthropic/x", drop_params=True),
                           model("g", up.base, "gemini/x", drop_params=True),
                           model("o", up.base, "ollama_chat/x", drop_params=True)))
    for name in "mgo":
        r = gw.chat(name, **{"a\r\nx-evil: 1\r\nb": 1, "logit_bias": {"1": 1}})
        assert r.status_code in (200, 502) and "x-evil" not in r.headers


def slow_request(gw, body):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    s.connect(("127.0.0.1", gw.port))
    data = json.dumps(body).encode()
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
    return s


def read_all(s, seconds=20):
    s.settimeout(seconds)
    got = b""
    while True:
        try:
            piece = s.recv(1 << 20)
        except (ConnectionResetError, TimeoutError):
            return got
        if not piece:
            return got
        got += piece


def test_a_stop_lets_the_last_answer_out(gateway, upstream):
    text = "x" * 8_000_000
    up = upstream(lambda c, r: c.sendall(reply(completion(text))) and None)
    gw = gateway(config_of(model("m", up.base)), "--drain-seconds", "10")
    s = slow_request(gw, {"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    time.sleep(1.5)
    gw.popen.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    got = read_all(s)
    s.close()
    assert gw.popen.wait(15) == 0
    head, _, body = got.partition(b"\r\n\r\n")
    assert json.loads(body)["choices"][0]["message"]["content"] == text


def cpu_seconds(gw):
    fields = open(f"/proc/{gw.popen.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_slow_reader_is_not_a_silent_upstream(gateway, upstream):
    filler = chunk({"content": "x" * 60000})

    def handle(conn, request):
        conn.sendall(stream_head() + http_chunk(chunk({"role": "assistant", "content": ""})))
        for _ in range(300):
            conn.sendall(http_chunk(filler))
        conn.sendall(http_chunk(chunk({}, "stop")) + http_chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base, timeout=1)))
    s = slow_request(gw, {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    time.sleep(2)
    before = cpu_seconds(gw)
    time.sleep(2)
    assert cpu_seconds(gw) - before < 0.3
    s.settimeout(20)
    got = b""
    while b"0\r\n\r\n" not in got[-5:]:
        piece = s.recv(1 << 20)
        assert piece
        got += piece
    s.close()
    assert b"[DONE]" in got and b"error" not in got


def test_a_stream_that_falls_silent_is_given_up_in_time(gateway, upstream):
    def handle(conn, request):
        time.sleep(0.2)
        conn.sendall(stream_head() + http_chunk(chunk({"role": "assistant", "content": "a"})))
        time.sleep(8)
        return "close"

    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base, stream_idle_timeout=1)), "--keepalive-ms", "60000")
    start = time.monotonic()
    gw.stream()
    assert time.monotonic() - start < 4

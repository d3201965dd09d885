"""OpenAI chat in and out: what passes, what is changed, what never passes, and how failures look."""
import json
import socket
import threading
import time

import pytest

from conftest import body_of, chunk, completion, config_of, http_chunk, model, raw_exchange, reply, stream_head


def wait_until(check, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.02)
    return False


def test_request_is_spliced(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply(completion())) and None)
    gw = gateway(config_of(model("m", up.base)))
    text = ('{"messages" : [{"role":"user","content":"h\\u00e9 \\ud83d\\ude00"}],"seed":12345678901234567890, '
            '"model":"m","x_unknown":{"deep":[1.50,2e3]}}')
    r = gw.http.post("/v1/chat/completions", content=text, headers={"authorization": "Bearer client-key"})
    assert r.status_code == 200
    head, _, body = up.requests[0].partition(b"\r\n\r\n")
    assert body.decode() == text.replace('"model":"m"', '"model":"upstream-model"')
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"authorization: bearer sk-upstream" in head.lower() and b"client-key" not in head
    assert f"host: 127.0.0.1:{up.port}".encode() in head.lower()


def test_answer_keeps_unknown_members_and_gets_the_asked_name(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply(completion(x_extra={"a": 1.10}))) and None)
    gw = gateway(config_of(model("local/alias", up.base)))
    r = gw.chat("local/alias")
    assert r.json()["model"] == "local/alias" and '"x_extra": {"a": 1.1}' in r.text
    assert r.json()["usage"]["total_tokens"] == 5
    assert r.headers["content-type"] == "application/json"
    assert r.headers["x-litellm-model-group"] == "local/alias"
    assert r.headers["x-litellm-call-id"] == r.headers["x-request-id"]


def streaming(frames, pause=0.0, end=True):
    def handle(conn, request):
        conn.sendall(stream_head())
        for f in frames:
            conn.sendall(http_chunk(f))
            if pause:
                time.sleep(pause)
        if end:
            conn.sendall(b"0\r\n\r\n")
            return None
        return "close"
    return handle


FRAMES = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"}),
          chunk({}, "stop"), chunk(usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
          "data: [DONE]\n\n"]


def test_stream_without_asking_for_usage(gateway, upstream):
    up = upstream(streaming(FRAMES))
    gw = gateway(config_of(model("m", up.base)))
    data = gw.stream()
    assert data[-1] == "[DONE]"
    chunks = [json.loads(d) for d in data[:-1]]
    assert all(c["model"] == "m" and c["choices"] for c in chunks)
    assert all(not c.get("usage") for c in chunks)
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks) == "Hello"
    assert body_of(up.requests[0])["stream_options"] == {"include_usage": True}
    assert gw.last.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in gw.last.headers
    assert wait_until(lambda: any("prompt=3" in line for line in gw.out_lines))


def test_stream_with_usage(gateway, upstream):
    up = upstream(streaming(FRAMES))
    gw = gateway(config_of(model("m", up.base)))
    data = gw.stream(stream_options={"include_usage": True})
    usages = [json.loads(d)["usage"] for d in data[:-1] if json.loads(d).get("usage")]
    assert usages == [{"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}]


@pytest.mark.parametrize("step", [1, 3, 50])
def test_stream_in_any_pieces(gateway, upstream, step):
    text = "".join(FRAMES)
    up = upstream(streaming([text[i:i + step] for i in range(0, len(text), step)]))
    gw = gateway(config_of(model("m", up.base)))
    data = gw.stream()
    assert data[-1] == "[DONE]" and len(data) == 5


@pytest.mark.parametrize("frames", [FRAMES[:1], FRAMES[:3]])
@pytest.mark.parametrize("tidy", [True, False])
def test_cut_stream_never_looks_complete(gateway, upstream, frames, tidy):
    up = upstream(streaming(frames, end=tidy))
    gw = gateway(config_of(model("m", up.base, num_retries=0)))
    data = gw.stream()
    assert "[DONE]" not in data
    if gw.last.status_code == 502:  # nothing but a role had come: a plain error is better still
        assert frames == FRAMES[:1]
        return
    last = json.loads(data[-1])
    assert last["error"]["message"] and "choices" not in last


def test_cut_before_anything_is_a_plain_error(gateway, upstream):
    up = upstream(streaming([], end=False))
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    r = gw.chat(stream=True)
    assert r.status_code == 502 and r.json()["error"]["code"] == "502"


def test_error_frame_in_mid_stream(gateway, upstream):
    error = 'data: {"error":{"message":"boom","type":"server_error","param":null,"code":null}}\n\n'
    up = upstream(streaming(FRAMES[:2] + [error]))
    gw = gateway(config_of(model("m", up.base)))
    data = gw.stream()
    assert "[DONE]" not in data and json.loads(data[-1])["error"]["message"] == "boom"


@pytest.mark.parametrize("stream", [False, True])
def test_html_with_200_is_an_upstream_error(gateway, upstream, stream):
    up = upstream(lambda c, r: c.sendall(reply("<html>login</html>", content_type="text/html")) and None)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    r = gw.chat(stream=stream)
    assert r.status_code == 502 and "HTML" in r.json()["error"]["message"]


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\nContent-length: 2\n\n{}",
    b"hello there\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{\"a\":",
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{\"a\":",
])
def test_malformed_upstream_is_a_clean_502(gateway, upstream, answer):
    def handle(conn, request):
        conn.sendall(answer)
        return "close"
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    r = gw.chat()
    assert r.status_code == 502 and r.json()["error"]["message"]


def test_redirects_are_not_followed(gateway, upstream):
    other = upstream(lambda c, r: c.sendall(reply(completion())) and None)
    up = upstream(lambda c, r: c.sendall(reply("", status="307 Temporary Redirect",
                                               fields=f"location: {other.base}/chat/completions\r\n")) and None)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    assert gw.chat().status_code == 502
    assert other.requests == []


def test_only_known_response_fields_pass(gateway, upstream):
    fields = ("x-ratelimit-remaining-requests: 7\r\nx-echo: sk-upstream\r\nset-cookie: a=b\r\nserver: secret\r\n"
              "x-ratelimit-note: key sk-upstream\r\nx-request-id: up-1\r\n")
    up = upstream(lambda c, r: c.sendall(reply(completion(), fields=fields)) and None)
    gw = gateway(config_of(model("m", up.base)))
    r = gw.chat()
    assert r.headers["x-ratelimit-remaining-requests"] == "7"
    assert r.headers["llm_provider-x-request-id"] == "up-1"
    assert "sk-upstream" not in str(r.headers) and "set-cookie" not in r.headers and "x-echo" not in r.headers


@pytest.mark.parametrize("status,fields", [(429, "retry-after: 7\r\n"), (529, ""), (400, ""), (401, ""), (404, "")])
def test_error_status_text_and_retry_after(gateway, upstream, status, fields):
    error = {"error": {"message": f"because {status}", "type": "some_type", "param": "p", "code": "c"}}
    up = upstream(lambda c, r: c.sendall(reply(error, status=f"{status} X", fields=fields)) and None)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    r = gw.chat()
    assert r.status_code == status
    e = r.json()["error"]
    assert f"because {status}" in e["message"] and e["code"] == str(status)
    assert set(e) >= {"message", "type", "param", "code"}
    if status == 429:
        assert r.headers["retry-after"] == "7"


def test_stray_bytes_on_an_idle_connection_never_reach_the_next_caller(gateway, upstream):
    seen = []

    def handle(conn, request):
        seen.append(conn)
        conn.sendall(reply(completion(f"answer {len(seen)}")))
        if len(seen) == 1:
            threading.Timer(0.1, lambda: conn.sendall(reply(completion("poison")))).start()
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base)))
    assert gw.chat().json()["choices"][0]["message"]["content"] == "answer 1"
    time.sleep(0.3)
    assert gw.chat().json()["choices"][0]["message"]["content"] == "answer 2"
    assert seen[0] is not seen[1]


@pytest.mark.parametrize("stream", [False, True])
def test_client_gone_while_silent_cancels_upstream(gateway, upstream, stream):
    up = upstream(lambda c, r: time.sleep(30))
    gw = gateway(config_of(model("m", up.base)))

    # the upstream's side: a reader that sees the close
    gone = threading.Event()

    def handle(conn, request):
        if conn.recv(10) == b"":
            gone.set()
        return "close"
    up.handle = handle
    body = json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x"}]}).encode()
    s = socket.create_connection(("127.0.0.1", gw.port))
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert wait_until(lambda: up.requests)
    s.close()
    assert gone.wait(1.0)
    assert wait_until(lambda: any(" 499 " in line for line in gw.out_lines))


def test_client_gone_in_mid_stream(gateway, upstream):
    gone = threading.Event()

    def handle(conn, request):
        conn.sendall(stream_head())
        try:
            for _ in range(2000):
                conn.sendall(http_chunk(FRAMES[1]))
                time.sleep(0.005)
        except OSError:
            gone.set()
        return "close"
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base)))
    with gw.http.stream("POST", "/v1/chat/completions",
                        json={"model": "m", "stream": True, "messages": []}) as r:
        next(r.iter_raw())
    assert gone.wait(2.0)


def test_silence_is_bridged(gateway, upstream):
    def handle(conn, request):
        time.sleep(0.8)
        streaming(FRAMES, pause=0.3)(conn, request)
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base)), "--patience-ms", "200", "--keepalive-ms", "150")
    with gw.http.stream("POST", "/v1/chat/completions",
                        json={"model": "m", "stream": True, "messages": []}) as r:
        raw = r.read().decode()
    assert raw.startswith(": ") and raw.count(": keep-alive\n\n") >= 4
    assert raw.endswith("data: [DONE]\n\n")


def test_error_after_keepalive_is_in_band(gateway, upstream):
    def handle(conn, request):
        time.sleep(0.5)
        conn.sendall(reply({"error": {"message": "late", "type": "t", "param": None, "code": None}},
                           status="400 Bad Request"))
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base)), "--patience-ms", "100")
    r = gw.chat(stream=True)
    assert r.status_code == 200 and "[DONE]" not in r.text
    assert "late" in json.loads(r.text.split("data: ")[-1])["error"]["message"]


def test_slow_reader_slows_the_upstream(gateway, upstream):
    sent = [0]
    piece = http_chunk(chunk({"content": "x" * 30000}))

    def handle(conn, request):
        conn.sendall(stream_head())
        for _ in range(3000):
            conn.sendall(piece)
            sent[0] += len(piece)
        return "close"
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base)))
    body = b'{"model":"m","stream":true,"messages":[]}'
    s = socket.create_connection(("127.0.0.1", gw.port))
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    time.sleep(1.5)
    assert sent[0] < 40e6, "the whole stream was taken in"
    rss = [int(line.split()[1]) for line in open(f"/proc/{gw.popen.pid}/status") if line.startswith("VmRSS")][0]
    assert rss < 60000
    before = sent[0]
    got = 0
    while got < 20e6:
        n = len(s.recv(1 << 20))
        assert n
        got += n
    assert wait_until(lambda: sent[0] > before)
    s.close()


def test_upstream_json_for_a_stream_is_streamed(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply(completion("whole"))) and None)
    gw = gateway(config_of(model("m", up.base)))
    data = gw.stream()
    assert data[-1] == "[DONE]"
    assert "".join(json.loads(d)["choices"][0]["delta"].get("content") or "" for d in data[:-1]) == "whole"


def test_switched_off_upstream(gateway):
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{port}/v1"), router_settings={"num_retries": 0}))
    r = gw.chat()
    assert r.status_code == 502 and "127.0.0.1" in r.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_compresses_unasked(gateway, upstream, stream):
    import gzip
    text = "".join(FRAMES) if stream else json.dumps(completion("packed"))
    packed = gzip.compress(text.encode())
    kind = "text/event-stream" if stream else "application/json"
    up = upstream(lambda c, r: c.sendall(reply(packed, content_type=kind, fields="content-encoding: gzip\r\n")) and None)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    if stream:
        assert gw.stream()[-1] == "[DONE]"
    else:
        assert gw.chat().json()["choices"][0]["message"]["content"] == "packed"
    up.handle = lambda c, r: c.sendall(reply(packed[:-9], content_type=kind, fields="content-encoding: gzip\r\n")) and None
    r = gw.chat(stream=stream)
    assert r.status_code == 502 or "[DONE]" not in r.text
    up.handle = lambda c, r: c.sendall(reply(packed, content_type=kind, fields="content-encoding: br\r\n")) and None
    assert gw.chat(stream=stream).status_code == 502


def test_an_upstream_bomb_is_capped(gateway, upstream):
    import gzip
    packed = gzip.compress(b" " * (64 << 20))
    up = upstream(lambda c, r: c.sendall(reply(packed, fields="content-encoding: gzip\r\n")) and None)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    assert gw.chat().status_code == 502

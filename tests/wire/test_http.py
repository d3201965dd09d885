"""Strict HTTP towards clients: what is malformed is 400 and close, what is odd but legal works."""
import socket
import time

import pytest

from conftest import config_of, model, raw_exchange, reply, completion

OK_BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


@pytest.fixture
def gw(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply(completion())) and None)
    return gateway(config_of(model("m", up.base)))


def post(fields=b"", body=OK_BODY, line=b"POST /v1/chat/completions HTTP/1.1", host=b"Host: x\r\n"):
    length = b"Content-Length: %d\r\n" % len(body)
    return line + b"\r\n" + host + fields + length + b"\r\n" + body


MALFORMED = {
    "bare LF": b"GET /health/liveliness HTTP/1.1\nHost: x\n\n",
    "bare LF in fields": b"GET /health/liveliness HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "bare CR in value": b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
    "obs-fold": b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "NUL in value": b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
    "control in value": b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nA: b\x01c\r\n\r\n",
    "blank before colon": b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
    "no host": b"GET /health/liveliness HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "bad host": b"GET /health/liveliness HTTP/1.1\r\nHost: a b\r\n\r\n",
    "http/0.9": b"GET /health/liveliness\r\n\r\n",
    "http/2.0": b"GET /health/liveliness HTTP/2.0\r\nHost: x\r\n\r\n",
    "two blanks": b"GET  /health/liveliness HTTP/1.1\r\nHost: x\r\n\r\n",
    "crlf before": b"\r\nGET /health/liveliness HTTP/1.1\r\nHost: x\r\n\r\n",
    "no method": b" /health/liveliness HTTP/1.1\r\nHost: x\r\n\r\n",
    "connect": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "content-length sign": post().replace(b"Content-Length: ", b"Content-Length: +"),
    "content-length zeros": post().replace(b"Content-Length: ", b"Content-Length: 00"),
    "content-length twice": post(b"Content-Length: 5\r\n"),
    "content-length list": post().replace(b"Content-Length: 57", b"Content-Length: 57, 57"),
    "content-length overflow": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "both lengths": post(b"Transfer-Encoding: chunked\r\n"),
    "te gzip": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "te twice": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "te on 1.0": b"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size sign": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "chunk size 0x": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "chunk data too long": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n",
    "tls hello": b"\x16\x03\x01\x02\x00\x01\x00",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_is_400_and_close(gw, name):
    start = time.monotonic()
    got = raw_exchange(gw.port, MALFORMED[name], timeout=4)
    assert got.startswith(b"HTTP/1.1 400 "), got[:200]
    assert b"connection: close" in got.lower()
    assert got.count(b"\r\nHTTP/1.1 ") == 0
    assert time.monotonic() - start < 3.5, "was not closed"


def test_head_limits(gw):
    got = raw_exchange(gw.port, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 40000 + b"\r\n\r\n", timeout=4)
    assert got.startswith(b"HTTP/1.1 431 ")
    many = b"".join(b"A%d: b\r\n" % i for i in range(150))
    got = raw_exchange(gw.port, b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n", timeout=4)
    assert got.startswith(b"HTTP/1.1 431 ")


def test_chunked_body_and_expect(gw):
    piece = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    s = socket.create_connection(("127.0.0.1", gw.port), timeout=5)
    s.sendall(piece)
    assert s.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    for i in range(0, len(OK_BODY), 7):
        part = OK_BODY[i:i + 7]
        s.sendall(b"%x;ext=1\r\n" % len(part) + part + b"\r\n")
    s.sendall(b"0\r\nTrailer: dropped\r\n\r\n")
    assert s.recv(65536).startswith(b"HTTP/1.1 200 OK")
    s.close()


def test_pipelined_requests_are_answered_in_order(gw):
    got = raw_exchange(gw.port, post() * 3 + b"GET /health/liveliness HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert got.count(b"HTTP/1.1 200 OK") == 4
    assert got.rstrip().endswith(b"I'm alive!\"")


def test_http_1_0(gw):
    got = raw_exchange(gw.port, post(line=b"POST /v1/chat/completions HTTP/1.0"))
    assert got.startswith(b"HTTP/1.1 200 OK") and b"transfer-encoding" not in got.lower()


def test_every_split_of_the_head(gw):
    data = post()
    for cut in range(1, len(data), 9):
        s = socket.create_connection(("127.0.0.1", gw.port), timeout=5)
        s.sendall(data[:cut])
        time.sleep(0.002)
        s.sendall(data[cut:])
        assert s.recv(65536).startswith(b"HTTP/1.1 200 OK"), cut
        s.close()


def test_body_limit(gateway, upstream):
    up = upstream(lambda c, r: c.sendall(reply(completion())) and None)
    gw = gateway(config_of(model("m", up.base), general_settings={"max_request_size_mb": 1}))
    big = b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * (2 << 20) + b'"}]}'
    got = raw_exchange(gw.port, post(body=big))
    assert got.startswith(b"HTTP/1.1 413 ") and b"max_request_size_mb" in got


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/v1/v1/chat/completions",
                                  "//v1//chat/completions/", "/openai/v1/chat/completions",
                                  "/openai/chat/completions", "/openai/deployments/m/chat/completions",
                                  "/engines/m/chat/completions", "/v1/chat/completions?api-version=x"])
def test_spellings_of_the_path(gw, path):
    r = gw.http.post(path, content=OK_BODY)
    assert r.status_code == 200, r.text
    assert r.json()["model"] == "m"


def test_unknown_paths_and_methods(gw):
    assert gw.http.get("/v1/chat/completions").status_code == 405
    assert gw.http.get("/nope").status_code == 404
    r = gw.http.options("/v1/chat/completions", headers={"Origin": "http://a", "Access-Control-Request-Method": "POST"})
    assert r.status_code in (200, 204) and r.headers["access-control-allow-origin"] == "*"
    assert gw.http.head("/").status_code == 200 and gw.http.head("/").content == b""


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_bodies(gw, coding):
    import gzip
    import zlib
    body = gzip.compress(OK_BODY) if coding == "gzip" else zlib.compress(OK_BODY)
    r = gw.http.post("/v1/chat/completions", content=body, headers={"content-encoding": coding})
    assert r.status_code == 200
    r = gw.http.post("/v1/chat/completions", content=body[:-3], headers={"content-encoding": coding})
    assert r.status_code == 400
    r = gw.http.post("/v1/chat/completions", content=OK_BODY, headers={"content-encoding": "br"})
    assert r.status_code == 415


def test_slow_head_is_cut_off_eventually_but_idle_is_kept(gw):
    s = socket.create_connection(("127.0.0.1", gw.port), timeout=5)
    s.sendall(post())
    assert s.recv(65536).startswith(b"HTTP/1.1 200")
    time.sleep(1.0)
    s.sendall(post())
    assert s.recv(65536).startswith(b"HTTP/1.1 200")
    s.close()


@pytest.mark.parametrize("text,why", [
    (b"{", "end"), (b"[1]", "array"), (b'{"model":"m","messages":[],}', ""), (b"nope", ""), (b'{"a":01}', ""),
    (b'{"model":"m","messages":"\xff"}', ""), (b'{"a":' * 200 + b"1" + b"}" * 200, ""), (b'"m"', "string"),
])
def test_bad_json_never_goes_upstream(gateway, upstream, text, why):
    up = upstream(lambda c, r: c.sendall(reply(completion())) and None)
    gw = gateway(config_of(model("m", up.base)))
    r = gw.http.post("/v1/chat/completions", content=text)
    assert r.status_code == 400 and why in r.json()["error"]["message"]
    assert r.json()["error"]["type"] == "invalid_request_error"
    assert up.requests == []

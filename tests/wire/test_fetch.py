"""Media by URL towards vendors that take bytes: fetched under rules, or refused clearly."""
import base64
import json
import time

import pytest

from conftest import body_of, config_of, model, raw_exchange, reply

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
PDF = b"%PDF-1.7\n" + b"x" * 50


def ollama_reply(text="seen"):
    return reply({"model": "u", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop",
                  "message": {"role": "assistant", "content": text}, "prompt_eval_count": 3, "eval_count": 2})


def gemini_reply(text="seen"):
    return reply({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]},
                                  "finishReason": "STOP"}],
                  "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}})


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


def ask(g, *parts, name="m", **more):
    return g.http.post("/v1/chat/completions", json={
        "model": name, "messages": [{"role": "user", "content": [{"type": "text", "text": "look"}, *parts]}],
        **more})


class Files:
    """A file server: answers(path) is the whole response."""

    def __init__(self, upstream, answers):
        self.up = upstream(lambda conn, req: conn.sendall(answers(req.split(b" ")[1].decode(), req)))

    @property
    def host(self):
        return f"127.0.0.1:{self.up.port}"

    def url(self, path):
        return f"http://{self.host}{path}"


def ollama_config(up, allowed, **settings):
    return config_of(model("m", f"http://127.0.0.1:{up.port}", model="ollama_chat/llava"),
                     litellm_settings={"user_url_allowed_hosts": allowed, **settings})


@pytest.fixture
def ollama(upstream):
    return upstream(lambda conn, req: conn.sendall(ollama_reply()))


def test_an_allowed_host_is_fetched(gateway, upstream, ollama):
    files = Files(upstream, lambda path, req: reply(PNG, content_type="image/png"))
    g = gateway(ollama_config(ollama, [files.host]))
    r = ask(g, image(files.url("/a.png?x=1#frag")), image(files.url("/b.png")), image(files.url("/b.png")))
    assert r.status_code == 200, r.text
    assert body_of(ollama.requests[0])["messages"][0]["images"] == [base64.b64encode(PNG).decode()] * 3
    paths = sorted(q.split(b" ")[1] for q in files.up.requests)
    assert paths == [b"/a.png?x=1", b"/b.png"]  # the same one once, without its fragment
    for q in files.up.requests:
        assert b"authorization" not in q.lower() and b"sk-" not in q


def test_a_host_without_its_port_is_enough(gateway, upstream, ollama):
    files = Files(upstream, lambda path, req: reply(PNG, content_type="image/png"))
    g = gateway(ollama_config(ollama, ["127.0.0.1"]))
    assert ask(g, image(files.url("/a"))).status_code == 200


def test_loopback_is_refused_without_being_called(gateway, upstream, ollama):
    files = Files(upstream, lambda path, req: reply(PNG, content_type="image/png"))
    g = gateway(ollama_config(ollama, ["127.0.0.1:1", "other.test"]))
    for url in (files.url("/secret"), f"http://localhost:{files.up.port}/secret", f"http://[::1]:{files.up.port}/",
                "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/",
                "http://10.0.0.1/a.png", "http://[fd00:ec2::254]/"):
        r = ask(g, image(url))
        assert r.status_code == 400, (url, r.text)
        error = r.json()["error"]
        assert "public" in error["message"] and error["param"] == "image_url", (url, error)
        assert "drop_params" not in error["message"]
    assert files.up.requests == [] and ollama.requests == []


def test_other_schemes_and_user_information_are_refused(gateway, ollama):
    g = gateway(ollama_config(ollama, ["127.0.0.1"]))
    for url in ("ftp://127.0.0.1/a.png", "file:///etc/passwd", "gs://bucket/a.png", "http://user:pw@127.0.0.1/a",
                "http://", "http://127.0.0.1:99999/a", "http://127.0.0.1/a b"):
        r = ask(g, image(url))
        assert r.status_code == 400 and "image_url" in r.json()["error"]["message"], (url, r.text)
    assert ollama.requests == []


def test_validation_may_be_switched_off(gateway, upstream, ollama):
    files = Files(upstream, lambda path, req: reply(PNG, content_type="image/png"))
    g = gateway(ollama_config(ollama, [], user_url_validation=False))
    assert ask(g, image(files.url("/a"))).status_code == 200


def test_redirects_are_followed_under_the_same_rules(gateway, upstream, ollama):
    def answers(path, req):
        if path == "/moved":
            return b"HTTP/1.1 302 Found\r\nlocation: /a.png\r\ncontent-length: 0\r\n\r\n"
        if path == "/inside":
            return b"HTTP/1.1 302 Found\r\nlocation: http://localhost:1/\r\ncontent-length: 0\r\n\r\n"
        if path == "/loop":
            return b"HTTP/1.1 302 Found\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n"
        if path == "/file":
            return b"HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n"
        return reply(PNG, content_type="image/png")
    files = Files(upstream, answers)
    g = gateway(ollama_config(ollama, [files.host]))
    assert ask(g, image(files.url("/moved"))).status_code == 200
    for path, says in (("/inside", "public"), ("/loop", "redirects"), ("/file", "redirects")):
        r = ask(g, image(files.url(path)))
        assert r.status_code == 400 and says in r.json()["error"]["message"], r.text
    assert len(ollama.requests) == 1


@pytest.mark.parametrize("answer, status, says", [
    (reply(b"gone", "404 Not Found", "text/plain"), 400, "HTTP 404"),
    (reply(b"<html></html>", content_type="text/html"), 400, "text/html"),
    (reply(b"", content_type="image/png"), 400, "nothing"),
    (b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\nshort", 400, "127.0.0.1"),
    (b"nonsense\r\n\r\n", 400, "127.0.0.1"),
    (b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 99999999\r\n\r\n", 413, "limit"),
    (b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n" + b"x" * 1100000, 413, "limit"),
])
def test_what_comes_wrong_is_told(gateway, upstream, ollama, answer, status, says):
    def handle(conn, req):
        conn.sendall(answer)
        return "close"
    up = upstream(handle)
    g = gateway(ollama_config(ollama, ["127.0.0.1"]), env={"MAX_IMAGE_URL_DOWNLOAD_SIZE_MB": "1"})
    r = ask(g, image(f"http://127.0.0.1:{up.port}/a"))
    assert r.status_code == status and says in r.json()["error"]["message"], r.text
    assert "127.0.0.1" in r.json()["error"]["message"]
    assert ollama.requests == []
    assert g.chat().status_code == 200  # the deployment is not blamed


def test_more_than_sixteen_are_refused(gateway, upstream, ollama):
    files = Files(upstream, lambda path, req: reply(PNG, content_type="image/png"))
    g = gateway(ollama_config(ollama, [files.host]))
    assert ask(g, *[image(files.url(f"/{i}")) for i in range(16)]).status_code == 200
    r = ask(g, *[image(files.url(f"/{i}")) for i in range(17)])
    assert r.status_code == 400 and "16" in r.json()["error"]["message"]


def test_they_are_fetched_at_once(gateway, upstream, ollama):
    def answers(path, req):
        time.sleep(0.5)
        return reply(PNG, content_type="image/png")
    files = Files(upstream, answers)
    g = gateway(ollama_config(ollama, [files.host]))
    begun = time.monotonic()
    assert ask(g, *[image(files.url(f"/{i}")) for i in range(8)]).status_code == 200
    assert time.monotonic() - begun < 2.5


def test_a_client_that_leaves_ends_the_fetch(gateway, upstream, ollama):
    up = upstream(lambda conn, req: time.sleep(3))
    g = gateway(ollama_config(ollama, ["127.0.0.1"]))
    body = json.dumps({"model": "m", "messages": [{"role": "user",
                                                   "content": [image(f"http://127.0.0.1:{up.port}/a")]}]})
    raw_exchange(g.port, f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
                 f"{body}".encode(), timeout=0.5)
    time.sleep(0.3)
    assert len(up.requests) == 1 and ollama.requests == []
    assert g.http.get("/health/readiness").status_code == 200


def test_gemini_gets_bytes_with_their_type(gateway, upstream):
    up = upstream(lambda conn, req: conn.sendall(gemini_reply()))
    files = Files(upstream, lambda path, req: reply(PDF if "pdf" in path else PNG,
                                                    content_type="application/octet-stream"))
    g = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}", model="gemini/gemini-2.5-flash"),
                          litellm_settings={"user_url_allowed_hosts": [files.host]}))
    r = ask(g, image(files.url("/a")), {"type": "file", "file": {"file_data": files.url("/pdf")}})
    assert r.status_code == 200, r.text
    parts = body_of(up.requests[0])["contents"][0]["parts"]
    assert [p["inlineData"] for p in parts if "inlineData" in p][0] == {
        "mimeType": "image/png", "data": base64.b64encode(PNG).decode()}


def test_a_fallback_uses_the_same_bytes(gateway, upstream):
    bad = upstream(lambda conn, req: conn.sendall(reply({"error": "no"}, "500 Internal Server Error")))
    good = upstream(lambda conn, req: conn.sendall(ollama_reply()))
    files = Files(upstream, lambda path, req: reply(PNG, content_type="image/png"))
    g = gateway(config_of(
        model("m", f"http://127.0.0.1:{bad.port}", model="ollama_chat/a", num_retries=0),
        model("n", f"http://127.0.0.1:{good.port}", model="ollama_chat/b"),
        litellm_settings={"user_url_allowed_hosts": [files.host], "num_retries": 0},
        router_settings={"fallbacks": [{"m": ["n"]}]}))
    r = ask(g, image(files.url("/a.png")))
    assert r.status_code == 200, r.text
    assert len(files.up.requests) == 1 and len(good.requests) == 1


def test_anthropic_callers_and_streams(gateway, upstream):
    def handle(conn, req):
        line = {"model": "u", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop",
                "message": {"role": "assistant", "content": "seen"}, "prompt_eval_count": 3, "eval_count": 2}
        conn.sendall(reply(json.dumps(line) + "\n", content_type="application/x-ndjson"))
    up = upstream(handle)
    files = Files(upstream, lambda path, req: reply(PNG, content_type="image/png"))
    g = gateway(ollama_config(up, [files.host]))
    body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": files.url("/a")}}]}]}
    r = g.http.post("/v1/messages", json=body)
    assert r.status_code == 200 and "seen" in r.text and "message_stop" in r.text
    body["messages"][0]["content"][0]["source"]["url"] = "http://127.0.0.1:1/a"
    r = g.http.post("/v1/messages", json=body)
    assert r.status_code == 400 and r.json()["type"] == "error", r.text

"""/v1/realtime: websockets relayed to a vendor, with the real `websockets` package on both ends and OpenAI's SDK
as a client. The vendor is played by `websockets` too, or by plain sockets where it has to misbehave."""
import base64
import contextlib
import hashlib
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

from conftest import config_of, model, raw_exchange, reply

KEY = "sk-master-key-of-test"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
USAGE = {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10,
         "input_token_details": {"text_tokens": 14, "audio_tokens": 6, "cached_tokens": 4,
                                 "cached_tokens_details": {"text_tokens": 4, "audio_tokens": 0}},
         "output_token_details": {"text_tokens": 3, "audio_tokens": 7}}


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def realtime_vendor(ws):
    """What OpenAI does, as far as a test needs it: session.created, and an answer to response.create."""
    ws.send(json.dumps({"type": "session.created", "event_id": "e0", "session": {"type": "realtime", "model": "up"}}))
    for text in ws:
        if isinstance(text, bytes):
            ws.send(text)
            continue
        event = json.loads(text)
        if event["type"] == "response.create":
            ws.send(json.dumps({"type": "response.output_text.delta", "event_id": "e1", "delta": "Hel"}))
            ws.send(json.dumps({"type": "response.done", "event_id": "e2", "response": {
                "id": "r", "object": "realtime.response", "status": "completed", "output": [], "usage": USAGE}}))
        elif event["type"] == "bye":
            ws.close(event["code"], event["reason"])
        else:
            ws.send(text)


class Vendor:
    def __init__(self, handler=realtime_vendor, refuse=None, **options):
        self.requests, self.ended = [], []
        self.handler, self.refuse = handler, refuse or []
        options.setdefault("subprotocols", ["realtime"])
        options.setdefault("select_subprotocol", self._choose)
        self.server = serve(self._serve, "127.0.0.1", 0, process_request=self._request, max_size=None, **options)
        self.port = self.server.socket.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}/v1"

    @staticmethod
    def _choose(ws, offered):
        return "realtime" if "realtime" in offered else None

    def _request(self, ws, request):
        self.requests.append(request)
        if self.refuse:
            status, fields, body = self.refuse.pop(0)
            r = ws.respond(status, body)
            for name, value in fields.items():
                if name in r.headers:
                    del r.headers[name]
                r.headers[name] = value
            return r
        return None

    def _serve(self, ws):
        try:
            self.handler(ws)
        except ConnectionClosed:
            pass
        finally:
            self.ended.append(ws)


@pytest.fixture
def vendor():
    started = []

    def start(*args, **options):
        v = Vendor(*args, **options)
        started.append(v)
        return v

    yield start
    for v in started:
        v.server.shutdown()


def url(gw, path="/v1/realtime?model=m"):
    return f"ws://127.0.0.1:{gw.port}{path}"


def open_ws(gw, path="/v1/realtime?model=m", **options):
    options.setdefault("max_size", None)
    return connect(url(gw, path), **options)


def log_line(gw, n=0):
    assert wait_until(lambda: len(gw.out_lines) > n), gw.out_lines
    return json.loads(gw.out_lines[n])


LOGGED = {"litellm_settings": {"json_logs": True}}


# ---- a session ----------------------------------------------------------------------------------------

def test_a_session_with_its_usage_and_cost(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base, input_cost_per_token=0.000001, output_cost_per_token=0.000002,
                                 input_cost_per_audio_token=0.00001, output_cost_per_audio_token=0.00002,
                                 cache_read_input_token_cost=0.0000001), **LOGGED))
    with open_ws(gw) as ws:
        assert ws.response.headers["x-litellm-model-group"] == "m" and ws.response.headers["x-request-id"]
        assert "sec-websocket-extensions" not in ws.response.headers and ws.subprotocol is None
        assert json.loads(ws.recv())["type"] == "session.created"
        for _ in range(2):
            ws.send(json.dumps({"type": "response.create"}))
            assert json.loads(ws.recv())["delta"] == "Hel"
            assert json.loads(ws.recv())["response"]["usage"] == USAGE
    request = up.requests[0]
    assert request.path == "/v1/realtime?model=upstream-model"
    assert request.headers["authorization"] == "Bearer sk-upstream"
    assert "sec-websocket-extensions" not in request.headers
    line = log_line(gw)
    assert line["status"] == 101 and line["model"] == "m" and "state" not in line and "error" not in line, line
    assert line["prompt_tokens"] == 40 and line["completion_tokens"] == 20 and line["cached_tokens"] == 8
    # 10 text + 6 audio + 4 cached in, 3 text + 7 audio out, twice, in nano-dollars
    nano = 2 * (10 * 1000 + 6 * 10000 + 4 * 100 + 3 * 2000 + 7 * 20000)
    assert round(line["cost"] * 1e9) == nano, line
    text = gw.http.get("/metrics").text
    assert 'litellm_input_tokens_metric_total{model_group="m",litellm_model_name="openai/upstream-model"' in text
    assert "litellm_spend_metric_total" in text and f" {nano / 1e9:.9f}" in text


def test_text_binary_big_fragmented_and_empty_messages(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base)))
    big = json.dumps({"type": "echo", "x": "y" * 1_000_000})
    with open_ws(gw) as ws:
        ws.recv()
        ws.send(big)
        assert ws.recv() == big
        blob = os.urandom(1 << 20)
        ws.send(blob)
        assert ws.recv() == blob
        ws.send(["{\"type\":", "\"e", "cho\"}"])  # three frames
        assert ws.recv() == '{"type":"echo"}'
        ws.send(b"")
        assert ws.recv() == b""


def test_the_vendors_fragments_stay_fragments(gateway, vendor):
    def handler(ws):
        ws.send(["ab", "", "cd"])
        ws.send([b"1" * 70000, b"2"])
        ws.recv()
    up = vendor(handler)
    gw = gateway(config_of(model("m", up.base)))
    with open_ws(gw) as ws:
        assert list(ws.recv_streaming()) == ["ab", "", "cd", ""]
        assert b"".join(ws.recv_streaming()) == b"1" * 70000 + b"2"
        ws.send("done")


def test_pings_and_pongs_pass_both_ways(gateway, vendor):
    seen = []

    def handler(ws):
        seen.append(ws.ping(b"from the vendor").wait(5))
        ws.send("pinged")
        ws.recv()
    up = vendor(handler)
    gw = gateway(config_of(model("m", up.base)))
    with open_ws(gw, ping_interval=None) as ws:
        assert ws.ping(b"from the client").wait(5)
        assert ws.recv() == "pinged" and seen == [True]
        ws.send("done")


def test_close_codes_pass_both_ways(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base), **LOGGED))
    with open_ws(gw) as ws:
        ws.recv()
        ws.close(4001, "enough")
    assert wait_until(lambda: up.ended)
    assert (up.ended[0].close_code, up.ended[0].close_reason) == (4001, "enough")
    with open_ws(gw) as ws:
        ws.recv()
        ws.send(json.dumps({"type": "bye", "code": 4444, "reason": "the vendor's"}))
        with pytest.raises(ConnectionClosed) as e:
            ws.recv()
        assert (e.value.rcvd.code, e.value.rcvd.reason) == (4444, "the vendor's")
    for n in range(2):
        line = log_line(gw, n)
        assert line["status"] == 101 and "error" not in line and "state" not in line


def test_many_sessions_at_once(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base)))
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(open_ws(gw)) for _ in range(40)]
        for i, ws in enumerate(sessions):
            ws.recv()
            ws.send(json.dumps({"type": "echo", "n": i}))
        for i, ws in enumerate(sessions):
            assert json.loads(ws.recv())["n"] == i
    assert wait_until(lambda: len(up.ended) == 40)


# ---- OpenAI's own SDK ---------------------------------------------------------------------------------

@pytest.mark.parametrize("base", ["/v1", "", "/openai/v1"])
def test_openai_sdk(gateway, vendor, base):
    import openai
    up = vendor()
    gw = gateway(config_of(model("m", up.base), general_settings={"master_key": KEY}))
    client = openai.OpenAI(base_url=gw.url + base, api_key=KEY)
    with client.realtime.connect(model="m") as conn:
        assert conn.recv().type == "session.created"
        conn.response.create()
        assert conn.recv().delta == "Hel"
        done = conn.recv()
        assert done.type == "response.done" and done.response.usage.input_tokens == 20
        conn.input_audio_buffer.append(audio=base64.b64encode(b"\0" * 300_000).decode())
        echoed = conn.recv_bytes()
        assert len(echoed) > 400_000
    assert up.requests[0].headers["authorization"] == "Bearer sk-upstream"
    assert KEY not in str(up.requests[0].headers) + up.requests[0].path
    with pytest.raises(InvalidStatus) as e, openai.OpenAI(base_url=gw.url + "/v1", api_key="sk-wrong-key-here"
                                                          ).realtime.connect(model="m"):
        pass
    assert e.value.response.status_code == 401


# ---- who may, and what the vendor gets to see --------------------------------------------------------

def test_keys_in_every_place_and_none_goes_on(gateway, vendor):
    up = vendor(subprotocols=["realtime", "openai-beta.realtime-v1"])
    gw = gateway(config_of(model("m", up.base, extra_headers={"x-own": "1"}, organization="org-up"),
                           general_settings={"master_key": KEY}, **LOGGED))
    shown = [
        dict(additional_headers={"Authorization": f"Bearer {KEY}"}),
        dict(additional_headers={"api-key": KEY}),
        dict(additional_headers={"x-api-key": KEY}),
        dict(path=f"/v1/realtime?model=m&key={KEY}"),
        dict(path=f"/v1/realtime?model=m&%6bey={KEY}"),
        dict(subprotocols=["realtime", f"openai-insecure-api-key.{KEY}", "openai-beta.realtime-v1",
                           "openai-organization.org-client"]),
        dict(subprotocols=[f"openai-insecure-api-key.{KEY}", "realtime"]),
    ]
    for how in shown:
        with open_ws(gw, **how) as ws:
            ws.recv()
            assert ws.subprotocol == ("realtime" if "subprotocols" in how else None)
            assert KEY not in str(ws.response.headers)
    for request in up.requests:
        all_of_it = request.path + str(request.headers)
        assert KEY not in all_of_it and "org-client" not in all_of_it
        assert request.headers["authorization"] == "Bearer sk-upstream"
        assert request.headers["x-own"] == "1" and request.headers["openai-organization"] == "org-up"
    assert up.requests[5].headers["sec-websocket-protocol"] == "realtime, openai-beta.realtime-v1"
    assert "sec-websocket-protocol" not in up.requests[0].headers
    for how in (dict(), dict(additional_headers={"api-key": "sk-not-it"}),
                dict(subprotocols=["realtime", "openai-insecure-api-key.sk-not-it"])):
        with pytest.raises(InvalidStatus) as e:
            open_ws(gw, **how)
        assert e.value.response.status_code == 401
        assert json.loads(e.value.response.body)["error"]["type"] == "auth_error"
    assert len(up.requests) == len(shown)
    assert KEY not in "\n".join(gw.out_lines + gw.lines) and "sk-upstream" not in "\n".join(gw.out_lines + gw.lines)


def test_the_vendor_who_takes_no_subprotocol(gateway, vendor):
    """Browsers fail a connection of which none of the subprotocols is taken up."""
    up = vendor(subprotocols=None, select_subprotocol=None)
    gw = gateway(config_of(model("m", up.base)))
    with open_ws(gw, subprotocols=["realtime", "openai-insecure-api-key.x"]) as ws:
        assert ws.subprotocol == "realtime"
        ws.recv()
    with open_ws(gw, subprotocols=["other"]) as ws:
        assert ws.subprotocol is None


def test_fields_that_go_on(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base)))
    with open_ws(gw, "/v1/realtime?model=m&voice=ash%20b&api-version=9", origin="http://page.example",
                 additional_headers={"OpenAI-Beta": "realtime=v1", "Cookie": "c=1", "x-mine": "1"}) as ws:
        ws.recv()
        assert ws.response.headers["access-control-allow-origin"] == "*"
    h = up.requests[0].headers
    assert h["openai-beta"] == "realtime=v1" and h["host"] == f"127.0.0.1:{up.port}"
    assert not {"cookie", "x-mine", "origin"} & {name.lower() for name in h}
    assert up.requests[0].path == "/v1/realtime?model=upstream-model&voice=ash%20b"


@pytest.mark.parametrize("path", ["/v1/realtime", "/realtime", "/openai/v1/realtime", "/openai/realtime", "//v1/realtime/",
                                  "/v1/v1/realtime"])
def test_every_form_of_the_path(gateway, vendor, path):
    up = vendor()
    gw = gateway(config_of(model("m", up.base)))
    with open_ws(gw, path + "?model=m") as ws:
        assert json.loads(ws.recv())["type"] == "session.created"


def test_names(gateway, vendor):
    """Aliases, wildcards, slashes, Azure's ?deployment=, the path."""
    up = vendor()
    gw = gateway(config_of(model("a/b", up.base), model("x-*", up.base, model="openai/real-*"),
                           router_settings={"model_group_alias": {"nick": "a/b"}}))
    for query, sent in (("/v1/realtime?model=a%2Fb", "upstream-model"), ("/v1/realtime?model=nick", "upstream-model"),
                        ("/v1/realtime?model=x-time%2B1", "real-time%2B1"),
                        ("/openai/realtime?api-version=2024-10-01&deployment=a/b", "upstream-model"),
                        ("/openai/deployments/nick/realtime?api-version=1", "upstream-model")):
        with open_ws(gw, query) as ws:
            ws.recv()
        assert up.requests[-1].path == f"/v1/realtime?model={sent}"
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw, "/v1/realtime?model=nobody")
    assert e.value.response.status_code == 400
    error = json.loads(e.value.response.body)["error"]
    assert "nobody" in error["message"] and error["param"] == "model"
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw, "/v1/realtime")
    assert e.value.response.status_code == 400
    assert "?model=" in json.loads(e.value.response.body)["error"]["message"]


def test_a_transcription_session_names_no_model(gateway, vendor):
    def handler(ws):
        ws.send(json.dumps({"type": "conversation.item.input_audio_transcription.completed", "transcript": "x",
                            "usage": {"type": "tokens", "input_tokens": 5, "output_tokens": 2, "total_tokens": 7}}))
    up = vendor(handler)
    gw = gateway(config_of(model("chat", up.base, model="openai/gpt-4o"),
                           model("voice", up.base, model="openai/gpt-realtime"),
                           model("dictation", up.base, model="openai/gpt-4o-transcribe"), **LOGGED))
    with open_ws(gw, "/v1/realtime?intent=transcription") as ws:
        ws.recv()
    assert up.requests[0].path == "/v1/realtime?intent=transcription"
    line = log_line(gw)
    assert line["model"] == "dictation" and line["prompt_tokens"] == 5 and line["completion_tokens"] == 2
    two = gateway(config_of(model("a", up.base), model("b", up.base)))
    with pytest.raises(InvalidStatus) as e:
        open_ws(two, "/v1/realtime?intent=transcription")
    assert e.value.response.status_code == 400
    assert "name one" in json.loads(e.value.response.body)["error"]["message"]


def test_azure(gateway, vendor):
    up = vendor()
    host = f"http://127.0.0.1:{up.port}"
    gw = gateway(config_of(model("old", host, model="azure/dep", api_version="2024-10-01-preview"),
                           model("new", host + "/openai/v1", model="azure/dep")))
    with open_ws(gw, "/v1/realtime?model=old") as ws:
        ws.recv()
    with open_ws(gw, "/v1/realtime?model=new") as ws:
        ws.recv()
    assert [r.path for r in up.requests] == ["/openai/realtime?api-version=2024-10-01-preview&deployment=dep",
                                            "/openai/v1/realtime?model=dep"]
    assert up.requests[0].headers["api-key"] == "sk-upstream" and "authorization" not in up.requests[0].headers


def test_ws_schemes_in_api_base(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", f"ws://127.0.0.1:{up.port}"), model("n", f"ws://127.0.0.1:{up.port}/v1/realtime")))
    for name in "mn":
        with open_ws(gw, f"/v1/realtime?model={name}") as ws:
            ws.recv()
        assert up.requests[-1].path == "/v1/realtime?model=upstream-model"


# ---- handshakes that are none -------------------------------------------------------------------------

def handshake(path="/v1/realtime?model=m", method="GET", version="HTTP/1.1", **fields):
    usual = {"host": "x", "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
             "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    usual.update({k.replace("_", "-"): v for k, v in fields.items()})
    head = "".join(f"{k}: {v}\r\n" for k, v in usual.items() if v is not None)
    return f"{method} {path} {version}\r\n{head}\r\n".encode()


def test_bad_handshakes(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base)))
    for status, request in ((426, handshake(sec_websocket_version="8")), (426, handshake(sec_websocket_version=None)),
                            (426, handshake(upgrade=None)), (426, handshake(connection="keep-alive, close")),
                            (426, handshake(upgrade="h2c", connection="upgrade, close")),
                            (426, handshake(version="HTTP/1.0")),
                            (400, handshake(sec_websocket_key=None)), (400, handshake(sec_websocket_key="abc")),
                            (400, handshake(sec_websocket_key="dGhlIHNhbXBsZSBub25jZR==")),
                            (400, handshake(sec_websocket_protocol="realtime,,a")),
                            (400, handshake(content_length="2") + b"{}"), (405, handshake(method="HEAD")),
                            (426, handshake(method="POST"))):
        got = raw_exchange(gw.port, request, timeout=1.0 if b"upgrade: websocket" not in request else 5.0)
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ".encode()), (request, got)
        if status == 426 and b"POST" not in request:
            assert b"\r\nupgrade: websocket\r\n" in head and b"\r\nsec-websocket-version: 13\r\n" in head
        if b"HEAD" not in request:
            assert json.loads(body)["error"]["message"]
    assert up.requests == []
    r = gw.http.get("/v1/realtime?model=m")
    assert r.status_code == 426 and r.headers["upgrade"] == "websocket"


def test_no_realtime_there(gateway, vendor):
    gw = gateway(config_of(model("claude", "http://127.0.0.1:1", model="anthropic/claude-x"),
                           model("echo", "http://127.0.0.1:1", model="sluice/echo")))
    for name in ("claude", "echo", "nobody", ""):
        with pytest.raises(InvalidStatus) as e:
            open_ws(gw, f"/v1/realtime?model={name}")
        assert e.value.response.status_code == 426
        assert "websocket" in json.loads(e.value.response.body)["error"]["message"]
    up = vendor()
    gw = gateway(config_of(model("claude", "http://127.0.0.1:1", model="anthropic/claude-x"), model("m", up.base),
                           model("both", "http://127.0.0.1:1", model="anthropic/claude-x"), model("both", up.base)))
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw, "/v1/realtime?model=claude")
    assert e.value.response.status_code == 426
    assert "Anthropic" in json.loads(e.value.response.body)["error"]["message"]
    for _ in range(8):  # of a mixed group only those who can are asked
        with open_ws(gw, "/v1/realtime?model=both") as ws:
            ws.recv()


def test_responses_keep_their_426(gateway, vendor):
    gw = gateway(config_of(model("m", vendor().base)))
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw, "/v1/responses")
    assert e.value.response.status_code == 426


# ---- the vendor says no ---------------------------------------------------------------------------

@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_the_vendors_refusal_comes_back(gateway, vendor, status):
    body = json.dumps({"error": {"message": f"refused with {status}, sk-upstream", "type": "t", "code": None}})
    up = vendor(refuse=[(status, {"Retry-After": "7", "Content-Type": "application/json"}, body)] * 9)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}, **LOGGED))
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw)
    r = e.value.response
    assert r.status_code == status
    error = json.loads(r.body)["error"]
    assert f"refused with {status}" in error["message"] and "sk-upstream" not in error["message"]
    if status == 429:
        assert r.headers["retry-after"] == "7"
    assert log_line(gw)["status"] == status


def test_fallback_and_retry_before_the_101(gateway, vendor):
    bad, good = vendor(refuse=[(500, {}, "no")] * 9), vendor(refuse=[(503, {}, "not yet")])
    gw = gateway(config_of(model("m", bad.base), model("n", good.base),
                           router_settings={"num_retries": 1, "retry_after": 0, "fallbacks": [{"m": ["n"]}]}, **LOGGED))
    with open_ws(gw) as ws:
        assert json.loads(ws.recv())["type"] == "session.created"
        assert ws.response.headers["x-litellm-model-group"] == "n"
        assert ws.response.headers["x-litellm-attempted-fallbacks"] == "1"
    assert len(bad.requests) == 2 and len(good.requests) == 2
    line = log_line(gw)
    assert line["fallbacks"] == 1 and line["attempts"] == 4


def test_nobody_listens(gateway):
    gw = gateway(config_of(model("m", "http://127.0.0.1:1/v1"), router_settings={"num_retries": 0}))
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw)
    assert e.value.response.status_code == 502


def accept_of(request):
    key = [line.split(b":", 1)[1].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")]
    return base64.b64encode(hashlib.sha1(key[0] + GUID.encode()).digest())


def switch(request, *more, accept=None, connection=b"Upgrade", upgrade=b"websocket"):
    return (b"HTTP/1.1 101 Switching Protocols\r\nconnection: " + connection + b"\r\nupgrade: " + upgrade +
            b"\r\nsec-websocket-accept: " + (accept or accept_of(request)) + b"\r\n" +
            b"".join(m + b"\r\n" for m in more) + b"\r\n")


@pytest.mark.parametrize("how", ["accept", "connection", "upgrade", "extension", "protocol", "200", "garbage"])
def test_a_vendor_whose_handshake_is_wrong(gateway, upstream, how):
    def handle(conn, request):
        conn.sendall({
            "accept": lambda: switch(request, accept=b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "connection": lambda: switch(request, connection=b"close"),
            "upgrade": lambda: switch(request, upgrade=b"h2c"),
            "extension": lambda: switch(request, b"sec-websocket-extensions: permessage-deflate"),
            "protocol": lambda: switch(request, b"sec-websocket-protocol: other"),
            "200": lambda: reply({"ok": True}),
            "garbage": lambda: b"hello\r\n\r\n",
        }[how]())
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base), router_settings={"num_retries": 0}))
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw)
    assert e.value.response.status_code == 502
    assert json.loads(e.value.response.body)["error"]["message"]


# ---- raw: splits, pipelining, broken frames -----------------------------------------------------------

def frame(payload, opcode=1, mask=b"\1\2\3\4", fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    n = len(payload)
    flag = 0x80 if mask else 0
    head += bytes([flag | n]) if n < 126 else bytes([flag | 126]) + n.to_bytes(2, "big") if n < 65536 else \
        bytes([flag | 127]) + n.to_bytes(8, "big")
    if not mask:
        return head + payload
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def read_head(s):
    got = b""
    while b"\r\n\r\n" not in got:
        piece = s.recv(65536)
        assert piece, got
        got += piece
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def read_to_end(s, got=b""):
    s.settimeout(5)
    while True:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            return got
        if not piece:
            return got
        got += piece


def tunnel_vendor(upstream, first=b"", play=None):
    """A vendor over a plain socket: 101 with `first` right behind it, then `play(conn)`; keeps what it is sent."""
    got = []

    def handle(conn, request):
        conn.sendall(switch(request) + first)
        if play:
            play(conn)
        got.append(read_to_end(conn))
        return "close"
    up = upstream(handle)
    up.got = got
    return up


def test_bytes_behind_either_head_are_not_lost(gateway, upstream):
    up = tunnel_vendor(upstream, first=frame(b"early bird", mask=None))
    gw = gateway(config_of(model("m", up.base)))
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.sendall(handshake() + frame(b"me too") + frame(b"x" * 100_000, 2))
        head, rest = read_head(s)
        assert head.startswith(b"HTTP/1.1 101 ") and b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        while len(rest) < 12:
            rest += s.recv(100)
        assert rest == frame(b"early bird", mask=None)
    assert wait_until(lambda: up.got) and up.got[0] == frame(b"me too") + frame(b"x" * 100_000, 2)


def test_frames_split_anywhere_arrive_unchanged(gateway, upstream):
    said = frame(b"Hel", fin=False) + frame(b"p", 9) + frame(b"lo", 0) + frame(b"z" * 300, 2) + frame(b"", 10)
    answered = frame(b"ab", fin=False, mask=None) + frame(b"c" * 70000, 0, mask=None) + frame(b"", 9, mask=None)

    def play(conn):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(30):
            conn.sendall(answered[i:i + 1])
            time.sleep(0.002)
        conn.sendall(answered[30:])
    up = tunnel_vendor(upstream, play=play)
    gw = gateway(config_of(model("m", up.base)))
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(handshake())
        _, got = read_head(s)
        for i in range(len(said)):
            s.sendall(said[i:i + 1])
            if i < 40:
                time.sleep(0.002)
        while len(got) < len(answered):
            got += s.recv(65536)
        assert got == answered
    assert wait_until(lambda: up.got) and up.got[0] == said


CLOSE_1002 = b"\x03\xea"


def test_an_unmasked_frame_of_the_client_closes_both(gateway, upstream):
    up = tunnel_vendor(upstream)
    gw = gateway(config_of(model("m", up.base), **LOGGED))
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.sendall(handshake())
        read_head(s)
        s.sendall(frame(b"good") + frame(b"bad", mask=None) + frame(b"never"))
        got = read_to_end(s)
    assert got[0] == 0x88 and got[2:4] == CLOSE_1002 and b"not masked" in got
    assert wait_until(lambda: up.got)
    sent = up.got[0]
    assert sent.startswith(frame(b"good")) and b"bad" not in sent
    closing = sent[len(frame(b"good")):]
    mask = closing[2:6]
    assert closing[0] == 0x88 and closing[1] & 0x80
    assert bytes(b ^ mask[i % 4] for i, b in enumerate(closing[6:]))[:2] == CLOSE_1002
    assert "not masked" in log_line(gw)["error"]


@pytest.mark.parametrize("bad", [frame(b"masked"), b"\xc1\x01x", b"\x83\x00", b"\x80\x00", b"\x09\x00"])
def test_a_broken_frame_of_the_vendor_closes_both(gateway, upstream, bad):
    up = tunnel_vendor(upstream, first=frame(b"good", mask=None), play=lambda conn: (time.sleep(0.05), conn.sendall(bad)))
    gw = gateway(config_of(model("m", up.base)))
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.sendall(handshake())
        _, got = read_head(s)
        got = read_to_end(s, got)
    assert got.startswith(frame(b"good", mask=None))
    closing = got[len(frame(b"good", mask=None)):]
    assert closing[0] == 0x88 and closing[2:4] == CLOSE_1002
    assert wait_until(lambda: up.got) and up.got[0][0] == 0x88


# ---- each side's end ----------------------------------------------------------------------------------

def test_the_vendor_breaks_off(gateway, upstream):
    up = tunnel_vendor(upstream, first=frame(b"a" * 200_000, 2, mask=None), play=lambda conn: conn.shutdown(socket.SHUT_WR))
    gw = gateway(config_of(model("m", up.base), **LOGGED))
    with open_ws(gw) as ws:
        assert ws.recv() == b"a" * 200_000  # flushed before the end
        with pytest.raises(ConnectionClosedError) as e:
            ws.recv()
        assert e.value.rcvd.code == 1011
    assert "without a Close" in log_line(gw)["error"]


def test_a_client_who_vanishes_cancels_the_vendors_work(gateway, upstream):
    for reset in (False, True):
        ended = []

        def handle(conn, request):
            conn.sendall(switch(request) + frame(b"hi", mask=None))
            conn.settimeout(5)
            try:
                assert conn.recv(100) == b""
            except ConnectionResetError:
                pass
            ended.append(time.monotonic())
            return "close"
        up = upstream(handle)
        gw = gateway(config_of(model("m", up.base), **LOGGED))
        s = socket.create_connection(("127.0.0.1", gw.port))
        s.sendall(handshake())
        _, rest = read_head(s)
        while len(rest) < 4:
            rest += s.recv(100)
        if reset:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        left = time.monotonic()
        s.close()
        assert wait_until(lambda: ended)
        assert ended[0] - left < 0.5
        assert log_line(gw)["status"] == 101


def test_a_client_who_leaves_before_the_answer(gateway, upstream):
    ended = []

    def handle(conn, request):
        conn.settimeout(5)
        assert conn.recv(100) == b""
        ended.append(1)
        return "close"
    up = upstream(handle)
    gw = gateway(config_of(model("m", up.base)))
    s = socket.create_connection(("127.0.0.1", gw.port))
    s.sendall(handshake())
    assert wait_until(lambda: up.requests)
    s.close()
    assert wait_until(lambda: ended)


def test_what_the_client_said_last_arrives(gateway, upstream):
    """A slow vendor gets all of it, the Close included, though the client is long gone."""
    total = frame(b"q" * 3_000_000, 2) + frame(b"\x03\xe8", 8)

    def play(conn):
        time.sleep(0.7)
    up = tunnel_vendor(upstream, play=play)
    gw = gateway(config_of(model("m", up.base)))
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.sendall(handshake())
        read_head(s)
        s.sendall(total)
    assert wait_until(lambda: up.got, 10) and len(up.got[0]) == len(total) and up.got[0] == total


def resident_kb(gw):
    with open(f"/proc/{gw.popen.pid}/status") as f:
        return int([line for line in f if line.startswith("VmRSS")][0].split()[1])


def test_a_slow_reader_stops_the_other_side(gateway, upstream):
    """64 MB towards somebody who does not read: neither side may send much more than the kernel's buffers hold."""
    sent = {"vendor": 0, "client": 0}
    piece = frame(b"v" * 65536, 2, mask=None)

    def pour(conn, piece, who):
        conn.settimeout(1.0)
        try:
            while sent[who] < 64 << 20:
                conn.sendall(piece)
                sent[who] += len(piece)
        except TimeoutError:
            pass

    def play(conn):
        pour(conn, piece, "vendor")
        looked.wait(20)
    looked = threading.Event()
    up = tunnel_vendor(upstream, play=play)
    gw = gateway(config_of(model("m", up.base)))
    before = resident_kb(gw)
    with socket.create_connection(("127.0.0.1", gw.port)) as s:
        s.sendall(handshake())
        read_head(s)
        pour(s, frame(b"c" * 65536, 2), "client")
        time.sleep(0.5)
        assert sent["client"] < 32 << 20 and sent["vendor"] < 32 << 20, sent
        assert resident_kb(gw) - before < 4096
        looked.set()


def test_a_slow_reader_gets_everything_in_the_end(gateway, vendor):
    def handler(ws):
        for i in range(200):
            ws.send(bytes([i]) * 100_000)
        ws.recv()
    up = vendor(handler)
    gw = gateway(config_of(model("m", up.base)))
    with open_ws(gw) as ws:
        time.sleep(1)
        for i in range(200):
            assert ws.recv() == bytes([i]) * 100_000
        ws.send("done")


def test_silence_is_no_fault_but_a_limit_is_kept(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base, timeout=1), model("idle", up.base, stream_idle_timeout=1), **LOGGED))
    with open_ws(gw) as ws, open_ws(gw, "/v1/realtime?model=idle") as idle:
        ws.recv()
        idle.recv()
        began = time.monotonic()
        with pytest.raises(ConnectionClosed) as e:
            idle.recv(timeout=5)
        assert e.value.rcvd.code == 1001 and "stream_idle_timeout" in e.value.rcvd.reason
        assert 0.8 < time.monotonic() - began < 3
        time.sleep(0.6)
        ws.send('{"type":"echo"}')
        assert ws.recv() == '{"type":"echo"}'


def test_the_gateway_stops(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base), **LOGGED), "--drain-seconds", "1")
    with open_ws(gw) as ws:
        ws.recv()
        stopper = threading.Thread(target=gw.stop)
        began = time.monotonic()
        stopper.start()
        time.sleep(0.3)
        ws.send('{"type":"echo"}')  # goes on while it drains
        assert ws.recv() == '{"type":"echo"}'
        with pytest.raises(ConnectionClosed) as e:
            ws.recv(timeout=10)
        assert e.value.rcvd.code == 1001 and time.monotonic() - began > 0.8
    stopper.join()
    assert wait_until(lambda: up.ended) and up.ended[0].close_code == 1001


def test_drained_at_once_when_the_last_session_ends(gateway, vendor):
    up = vendor()
    gw = gateway(config_of(model("m", up.base)), "--drain-seconds", "30")
    stopper = threading.Thread(target=gw.stop)
    with open_ws(gw) as ws:
        ws.recv()
        began = time.monotonic()
        stopper.start()
        time.sleep(0.2)
    stopper.join()
    assert time.monotonic() - began < 5


# ---- TLS ------------------------------------------------------------------------------------------------

@pytest.fixture
def certificate(tmp_path):
    key, cert = str(tmp_path / "k.pem"), str(tmp_path / "c.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


def test_tls_on_both_sides(gateway, vendor, certificate):
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    up = vendor(ssl=context)
    gw = gateway(config_of(model("m", f"wss://127.0.0.1:{up.port}/v1"),
                           litellm_settings={"ssl_verify": cert, "json_logs": True}),
                 "--ssl_keyfile_path", key, "--ssl_certfile_path", cert)
    trusting = ssl.create_default_context(cafile=cert)
    big = json.dumps({"type": "echo", "x": "y" * 1_000_000})
    with connect(f"wss://localhost:{gw.port}/v1/realtime?model=m", ssl=trusting, max_size=None) as ws:
        ws.recv()
        ws.send(big)
        assert ws.recv() == big
        ws.send(json.dumps({"type": "response.create"}))
        ws.recv()
        assert json.loads(ws.recv())["type"] == "response.done"
    assert log_line(gw)["prompt_tokens"] == 20


# ---- passing on -------------------------------------------------------------------------------------------

def test_a_vendors_websocket_passed_on(gateway, vendor):
    up = vendor(subprotocols=["realtime", "x"], select_subprotocol=lambda ws, offered: offered[0] if offered else None)
    gw = gateway(config_of(model("m", f"http://127.0.0.1:{up.port}/v1", model="xai/grok"),
                           general_settings={"master_key": KEY, "pass_through_endpoints": [
                               {"path": "/live", "target": f"ws://127.0.0.1:{up.port}/socket",
                                "headers": {"authorization": "Bearer sk-own"}, "forward_headers": True}]}))
    with open_ws(gw, f"/xai/v1/realtime?model=grok-voice&key={KEY}", subprotocols=["x"]) as ws:
        assert ws.subprotocol == "x"
        assert json.loads(ws.recv())["type"] == "session.created"
    assert up.requests[0].path == "/v1/realtime?model=grok-voice"
    assert up.requests[0].headers["authorization"] == "Bearer sk-upstream"
    with open_ws(gw, "/live?a=1", subprotocols=["x", f"openai-insecure-api-key.{KEY}"],
                 additional_headers={"x-mine": "1"}) as ws:
        ws.recv()
    request = up.requests[1]
    assert request.path == "/socket?a=1" and request.headers["authorization"] == "Bearer sk-own"
    assert request.headers["x-mine"] == "1" and KEY not in str(request.headers)
    assert request.headers["sec-websocket-protocol"] == "x" and len(request.headers.get_all("sec-websocket-key")) == 1
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw, "/xai/v1/realtime?model=grok-voice")
    assert e.value.response.status_code == 401
    up.refuse.append((403, {}, "forbidden there"))
    with pytest.raises(InvalidStatus) as e:
        open_ws(gw, f"/xai/v1/realtime?key={KEY}")
    assert e.value.response.status_code == 403 and b"forbidden there" in e.value.response.body


def test_posts_beside_the_socket(gateway, upstream):
    def handle(conn, request):
        head, _, body = request.partition(b"\r\n\r\n")
        first = head.split(b"\r\n")[0].decode()
        conn.sendall(reply({"seen": first, "body": body.decode(), "auth": "sk-upstream" in head.decode()},
                           status="201 Created", fields="location: /v1/realtime/calls/rtc_1\r\n"))
    up = upstream(handle)
    gw = gateway(config_of(model("voice", up.base, model="openai/gpt-realtime"),
                           model("claude", "http://127.0.0.1:1", model="anthropic/c"),
                           general_settings={"master_key": KEY}))
    auth = {"authorization": f"Bearer {KEY}"}
    for prefix in ("/v1", "", "/openai/v1"):
        r = gw.http.post(prefix + "/realtime/client_secrets", headers=auth,
                         json={"session": {"type": "realtime", "model": "voice"}, "expires_after": None})
        assert r.status_code == 201, r.text
        assert r.json()["seen"] == "POST /v1/realtime/client_secrets HTTP/1.1" and r.json()["auth"]
        assert json.loads(r.json()["body"]) == {"session": {"type": "realtime", "model": "gpt-realtime"},
                                                "expires_after": None}
    r = gw.http.post("/v1/realtime/transcription_sessions", headers=auth, json={"model": "voice", "session": {"model": "voice"}})
    assert json.loads(r.json()["body"]) == {"model": "gpt-realtime", "session": {"model": "gpt-realtime"}}
    r = gw.http.post("/v1/realtime/client_secrets", headers=auth, json={})  # no model: the vendor's default
    assert r.status_code == 201 and r.json()["body"] == "{}"
    r = gw.http.post("/v1/realtime/calls?model=voice", headers={**auth, "content-type": "application/sdp"}, content="v=0\r\n")
    assert r.json()["seen"] == "POST /v1/realtime/calls?model=gpt-realtime HTTP/1.1" and r.json()["body"] == "v=0\r\n"
    assert r.headers["location"] == "/v1/realtime/calls/rtc_1"
    r = gw.http.post("/v1/realtime/calls", headers=auth, files={"sdp": (None, "v=0", "application/sdp"),
                     "session": (None, '{"type":"realtime","model":"voice"}', "application/json")})
    assert '{"type":"realtime","model":"gpt-realtime"}' in r.json()["body"]
    r = gw.http.post("/v1/realtime/calls/rtc_1/hangup", headers=auth)
    assert r.json()["seen"] == "POST /v1/realtime/calls/rtc_1/hangup HTTP/1.1"
    assert gw.http.post("/v1/realtime/client_secrets", json={"session": {"model": "voice"}}).status_code == 401
    for name in ("nobody", "claude"):
        r = gw.http.post("/v1/realtime/client_secrets", headers=auth, json={"session": {"model": name}})
        assert r.status_code == 400 and name in r.json()["error"]["message"]

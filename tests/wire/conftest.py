"""Fixtures of the wire tests: the real gateway binary, and upstreams to put behind it.

SLUICE names the binary (script/test sets it). Every process listens on a port that the kernel picks.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = os.environ.get("SLUICE", str(ROOT / "build" / "sluice"))


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes minutes; run with --slow only")
    config.addinivalue_line("markers", "js: needs node and npm packages")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also the tests that take minutes")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        slow = [i for i in items if i.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [i for i in items if i not in slow]


class Process:
    """A sluice process whose stderr is read all along; `port` is what it says it listens on."""

    def __init__(self, args, env=None):
        full = {k: v for k, v in os.environ.items() if not re.search(r"_API_KEY$|^LITELLM_", k)}
        full.update(env or {})
        self.lines, self.out_lines = [], []
        self.popen = subprocess.Popen([SLUICE, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, errors="replace", env=full)
        self.port = None
        self.found = threading.Event()
        for stream, lines in ((self.popen.stderr, self.lines), (self.popen.stdout, self.out_lines)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()
        if not self.found.wait(20):
            self.popen.kill()
            raise AssertionError("did not start: " + "\n".join(self.lines + self.out_lines))

    def _read(self, stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))
            m = re.search(r"listen(?:s|ing) on \S*?:(\d+)", line)
            if m and not self.port:
                self.port = int(m.group(1))
                self.found.set()
        self.found.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self, expect=0):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(15)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                raise AssertionError("did not stop on SIGTERM")
        text = "\n".join(self.lines)
        assert "Sanitizer" not in text and "runtime error" not in text, text[-6000:]
        if expect is not None:
            assert self.popen.returncode == expect, (self.popen.returncode, text[-3000:])


class Gateway(Process):
    def __init__(self, config, tmp_path, *args, env=None):
        self.config_path = tmp_path / "config.yaml"
        self.config_path.write_text(config if isinstance(config, str) else json.dumps(config))
        super().__init__(["serve", "--config", str(self.config_path), "--port", "0",
                          "--num_workers", "1", "--drain-seconds", "2", *args], env)
        self.http = httpx.Client(base_url=self.url, timeout=20)

    def chat(self, model="m", text="hi", **more):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.http.post("/v1/chat/completions", json=body)

    def stream(self, model="m", text="hi", path="/v1/chat/completions", **more):
        """The data of every SSE event, as text."""
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": text}], **more}
        with self.http.stream("POST", path, json=body) as r:
            raw = r.read().decode()
            self.last = r
        return [line[6:] for line in raw.split("\n") if line.startswith("data: ")]

    def stop(self, expect=0):
        self.http.close()
        super().stop(expect)


@pytest.fixture
def gateway(tmp_path):
    """gateway(config, *flags) starts one; all are stopped (and checked for leaks) at the end."""
    started = []

    def start(config, *args, env=None):
        directory = tmp_path / f"gateway{len(started)}"
        directory.mkdir()
        g = Gateway(config, directory, *args, env=env)
        started.append(g)
        return g

    yield start
    for g in started:
        g.stop()


@pytest.fixture(scope="session")
def sdk_worlds(tmp_path_factory):
    """Gateways with a mock behind them for the SDK tests (sdk.py); all stop at the end of the session."""
    import sdk

    worlds = sdk.Worlds(tmp_path_factory)
    yield worlds
    worlds.stop()


@pytest.fixture
def mock():
    """mock(*flags): a `sluice mock`."""
    started = []

    def start(*args):
        p = Process(["mock", "--port", "0", *args])
        started.append(p)
        return p

    yield start
    for p in started:
        p.stop(expect=None)


class Upstream:
    """A scripted upstream over plain sockets: `handle(conn, request_bytes)` writes what it likes."""

    def __init__(self, handle):
        self.handle = handle
        self.requests = []
        self.closed = []  # when a peer closed, by connection
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.conns = []
        self.stopped = False
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def _accept(self):
        with self.listener:
            while not self.stopped:
                try:
                    conn, _ = self.listener.accept()
                except OSError:
                    return
                self.conns.append(conn)
                threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            while True:
                request = read_message(conn)
                if request is None:
                    self.closed.append(time.monotonic())
                    return
                self.requests.append(request)
                if self.handle(conn, request) == "close":
                    return
        except OSError:
            self.closed.append(time.monotonic())
        finally:
            conn.close()

    def stop(self):
        """Wakes the threads; each closes its socket itself. Closed from here, the number could already be
        another upstream's when they come to use it."""
        self.stopped = True
        for s in [self.listener, *self.conns]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.acceptor.join(5)


def read_message(conn):
    """One request with a Content-Length body; None at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = conn.recv(65536)
        if not got:
            return None
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    m = re.search(rb"(?im)^content-length: *(\d+)", head)
    need = int(m.group(1)) if m else 0
    while len(body) < need:
        got = conn.recv(65536)
        if not got:
            return None
        body += got
    return head + b"\r\n\r\n" + body


def head_of(request):
    return request.partition(b"\r\n\r\n")[0].decode()


def body_of(request):
    return json.loads(request.partition(b"\r\n\r\n")[2])


def path_of(request):
    return request.split(b" ", 2)[1].decode()


def reply(body, status="200 OK", content_type="application/json", fields=""):
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{fields}\r\n"
    return head.encode() + body


def answering(body, **more):
    return lambda conn, request: conn.sendall(reply(body, **more)) and None


def completion(text="Hello", model="upstream-model", **more):
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text},
                         "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, **more}


def chunk(delta=None, finish=None, model="upstream-model", **more):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return "data: " + json.dumps({"id": "c1", "object": "chat.completion.chunk", "created": 1700000000,
                                  "model": model, "choices": choices, **more}) + "\n\n"


def stream_head(fields=""):
    return (f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n{fields}\r\n"
            ).encode()


def http_chunk(text):
    data = text.encode() if isinstance(text, str) else text
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@pytest.fixture
def upstream():
    started = []

    def start(handle):
        u = Upstream(handle)
        started.append(u)
        return u

    yield start
    for u in started:
        u.stop()


def model(name, base, model="openai/upstream-model", **params):
    return {"model_name": name, "litellm_params": {"model": model, "api_base": base, "api_key": "sk-upstream",
                                                   **params}}


def config_of(*models, **sections):
    return {"model_list": list(models), **sections}


def raw_exchange(port, data, timeout=5.0, half_close=False):
    """Sends bytes, returns everything that comes until the other side closes or `timeout` passes."""
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    try:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        got = b""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            s.settimeout(max(0.01, end - time.monotonic()))
            try:
                piece = s.recv(65536)
            except (TimeoutError, ConnectionResetError):
                break
            if not piece:
                break
            got += piece
        return got
    finally:
        s.close()

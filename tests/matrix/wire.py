"""HTTP by hand: the vendors' server and the clients' connection, byte for byte."""
import base64
import json
import re
import socket
import threading

from neutral import LINKED, Malformed, need


class Server:
    """Listens on a port of its own; `serve(conn)` has a thread for each connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def stop(self):
        self.listener.close()


class Vendor(Server):
    """One fake vendor's server. `script(vendor, conn, path, fields, body)` answers each request."""

    def __init__(self, dialect):
        self.dialect = dialect
        self.script = None
        self.gone = threading.Event()  # a client closed while an answer was under way
        super().__init__()

    def serve(self, conn):
        try:
            while True:
                got = read_request(conn)
                if not got or self.script(conn, *got) == "close":
                    break
        except OSError:
            pass
        conn.close()


class FileServer(Server):
    """One picture at `url`, for callers that give it by its address."""

    PNG = base64.b64decode(LINKED)

    def __init__(self):
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}/dot.png"

    def serve(self, conn):
        with conn:
            if read_request(conn):
                conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\nconnection: close\r\n"
                             b"content-length: %d\r\n\r\n" % len(self.PNG) + self.PNG)


def read_request(conn):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = conn.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    need_bytes = int(fields.get("content-length", 0))
    while len(body) < need_bytes:
        piece = conn.recv(65536)
        if not piece:
            return None
        body += piece
    return lines[0].split(" ")[1], fields, body


def send_json(conn, body, status=200, fields=""):
    data = json.dumps(body).encode()
    conn.sendall(f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n"
                 f"{fields}\r\n".encode() + data)


def begin_stream(conn, content_type):
    conn.sendall(f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode())


def send_chunk(conn, data):
    if data:
        conn.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def end_stream(conn):
    conn.sendall(b"0\r\n\r\n")


class Reply:
    """What a client got: status, fields, body; `whole`: the body ended as HTTP says it must."""

    def __init__(self, status, fields, body, whole):
        self.status, self.fields, self.body, self.whole = status, fields, body, whole

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError as e:
            raise Malformed(f"not JSON: {self.body[:300]!r}") from e


def post(port, path, body, fields=(), until=None, timeout=10):
    """Posts and reads the whole answer; with `until`, closes as soon as those bytes have come."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    head += "".join(f"{k}: {v}\r\n" for k, v in fields) + f"content-length: {len(data)}\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(head.encode() + data)
        got = b""
        try:
            while until is None or until not in got:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
        except TimeoutError as e:
            raise Malformed(f"no end within {timeout} s; so far {got[-600:]!r}") from e
        except ConnectionResetError:
            pass
    head, _, rest = got.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    m = re.match(r"HTTP/1\.1 (\d+)", lines[0])
    need(m, f"no HTTP answer: {got[:200]!r}")
    answer = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    whole = True
    if answer.get("transfer-encoding") == "chunked":
        rest, whole = unchunk(rest)
    elif "content-length" in answer:
        whole = len(rest) == int(answer["content-length"])
    return Reply(int(m.group(1)), answer, rest, whole)


def unchunk(data):
    out = b""
    while True:
        line, sep, data = data.partition(b"\r\n")
        if not sep:
            return out, False
        n = int(line.split(b";")[0], 16)
        if n == 0:
            return out, data == b"\r\n"
        out += data[:n]
        if len(data) < n + 2:
            return out, False
        data = data[n + 2:]


def parse_json(s):
    try:
        return json.loads(s)
    except ValueError as e:
        raise Malformed(f"not JSON in a stream: {s[:300]!r}") from e


def sse(body):
    """[(event name or None, data)] of an event stream; comments come as (":", text)."""
    textual = body.decode()
    events = []
    for block in re.split(r"\r?\n\r?\n", textual):
        name, data = None, []
        for line in re.split(r"\r?\n", block):
            if line.startswith(":"):
                events.append((":", line[1:].strip()))
            elif line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].lstrip(" "))
            elif line:
                raise Malformed(f"a line that is no SSE: {line[:200]!r}")
        if data:
            events.append((name, "\n".join(data)))
        elif name:
            raise Malformed(f"event {name} without data")
    return events


def split(s, n):
    """s in n pieces of about the same length."""
    step = max(1, -(-len(s) // n))
    return [s[i:i + step] for i in range(0, len(s), step)] or [""]

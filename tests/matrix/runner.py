"""Runs one scenario in one cell: a client of one dialect, the real gateway, a vendor of another."""
import json
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "wire"))

import conftest as wire_tests  # noqa: E402  (the gateway's process)
from dialects import ALL  # noqa: E402
from losses import LOSSES, explain  # noqa: E402
from neutral import (Malformed, Refuse, answer_facets, clone, differences, need, of_kind, request_facets,  # noqa: E402
                     result, results, user)
from scenarios import SCENARIOS, Fault  # noqa: E402
from wire import FileServer, Vendor, begin_stream, end_stream, post, send_chunk, send_json  # noqa: E402

NAMES = list(ALL)
CELLS = [(i, o) for i in NAMES for o in NAMES]
BY_NAME = {s.name: s for s in SCENARIOS}
WORDS = "What came before. "
TEXT = "the vendor's own words: no such thing (17)"


class Matrix:
    """Six vendors and two gateways before them: one with short keep-alives."""

    def __init__(self):
        self.vendors = {n: Vendor(d) for n, d in ALL.items()}
        self.locks = {n: threading.Lock() for n in ALL}
        self.dir = tempfile.TemporaryDirectory()
        models = []
        for n, d in ALL.items():
            params = {"model": d.model, "api_base": f"http://127.0.0.1:{self.vendors[n].port}", "api_key": "sk-vendor"}
            models.append({"model_name": f"to-{n}", "litellm_params": {**params, "drop_params": True}})
            models.append({"model_name": f"strict-{n}", "litellm_params": params})
        config = {"model_list": models, "router_settings": {"num_retries": 0, "disable_cooldowns": True}}
        self.files = FileServer()
        config["litellm_settings"] = {"user_url_allowed_hosts": [f"127.0.0.1:{self.files.port}"]}
        self.gateway = self.start(config, "plain")
        self.restless = self.start(config, "restless", "--keepalive-ms", "100", "--patience-ms", "100")

    def start(self, config, name, *args):
        d = Path(self.dir.name) / name
        d.mkdir()
        return wire_tests.Gateway(config, d, *args)

    def stop(self):
        for v in self.vendors.values():
            v.stop()
        self.files.stop()
        self.gateway.stop()
        self.restless.stop()
        self.dir.cleanup()

    def run(self, inbound, outbound, name):
        """None, or why the cell does not do what it should; "n/a" where there is nothing to do."""
        s = BY_NAME[name]
        if not_applicable(inbound, outbound, name):
            return "n/a"
        with self.locks[outbound]:
            cell = Cell(self, inbound, outbound)
            run = cell.fault if isinstance(s, Fault) else cell.scenario
            found = []
            for stream in s.modes:
                how = "stream" if stream else "whole"
                try:
                    diffs = run(s, stream)
                except Malformed as e:
                    found.append(f"{how}: {e}")
                    continue
                except (KeyError, TypeError, IndexError, AttributeError, ValueError) as e:
                    tb = e.__traceback__
                    while tb.tb_next:
                        tb = tb.tb_next
                    found.append(f"{how}: {type(e).__name__} {e} at {os.path.basename(tb.tb_frame.f_code.co_filename)}:"
                                 f"{tb.tb_lineno}; {cell.seen()}")
                    continue
                found += [f"{how}: {x}" for x in explain(inbound, outbound, name, diffs, cell.dropped)]
                if not found and not stream:
                    found += cell.refusals(s)
            return "\n".join(found) or None


def not_applicable(inbound, outbound, name):
    return ALL[inbound].cannot_ask.get(name) or ALL[outbound].cannot_answer.get(name)


class Cell:
    def __init__(self, matrix, inbound, outbound):
        self.m, self.i, self.o = matrix, ALL[inbound], ALL[outbound]
        self.vendor = matrix.vendors[outbound]
        self.model = f"to-{outbound}"
        self.last = None
        self.only = None  # facets of the request that count
        self.dropped = set()  # what x-sluice-dropped-params has told of

    def seen(self):
        return f"client got {self.last.status} {self.last.body[-700:]!r}" if self.last else "no answer"

    # ---- scenarios ----

    def scenario(self, s, stream):
        self.dropped = set()
        ask = self.i.asks({**clone(s.ask), "stream": stream})
        for t in ask["turns"]:
            for p in t["parts"]:
                if p["t"] == "link":
                    p["url"] = self.m.files.url
        self.only = s.only.split() if s.only else None
        told = self.o.told(s.says)
        got, diffs = self.exchange(ask, told, "")
        if s.results:
            calls = of_kind(got["parts"], "call")
            need(len(calls) == len(s.results), f"{len(calls)} calls; {diffs}")
            ids = [p["id"] for p in of_kind(told["parts"], "call")]
            then = clone(ask)
            given = [result(c["id"], c["name"], r, s.attach if n == 0 else ())
                     for n, (c, r) in enumerate(zip(calls, s.results))]
            then["turns"] += [{"role": "assistant", "parts": got["parts"]},
                              results(*(given[::-1] if s.reverse else given))]
            meant = clone(ask)
            meant["turns"] += [{"role": "assistant", "parts": [p for p in told["parts"] if p["t"] != "think"]},
                               results(*[result(i, None, r, s.attach if n == 0 else ())
                                         for n, (i, r) in enumerate(zip(ids, s.results))])]
            _, more = self.exchange(then, self.o.told(s.says_then), "then ", meant, self.o.wants_back(told))
            diffs.update(more)
        return diffs

    def exchange(self, ask, told, prefix, meant=None, thinking=None):
        """One request: what the client got, and what differs from what was meant and told."""
        arrived = []

        def script(conn, path, fields, body):
            try:
                arrived.append(self.o.parse(path, fields, json.loads(body)))
            except (Refuse, KeyError, TypeError, AttributeError, IndexError) as e:
                arrived.append(f"{type(e).__name__}: {e} in {body.decode()}")
                send_json(conn, self.o.error(400, f"refused: {e}"), 400)
                return
            if arrived[-1]["stream"]:
                begin_stream(conn, self.o.stream_type)
                for f in self.o.frames(told):
                    send_chunk(conn, f)
                end_stream(conn)
            else:
                send_json(conn, self.o.reply(told))

        self.vendor.script = script
        reply = self.post(ask)
        need(arrived, f"nothing arrived; {self.seen()}")
        need(not isinstance(arrived[-1], str), f"{prefix}the vendor refuses. {arrived[-1]}")
        need(len(arrived) == 1, f"{len(arrived)} requests instead of one")
        need(reply.status == 200 and reply.whole, self.seen())
        self.dropped |= {x.strip() for x in reply.fields.get("x-sluice-dropped-params", "").split(",") if x.strip()}
        got = self.read(reply, ask["stream"], ask["form"])
        want = request_facets(self.o.means(clone(meant or ask)))
        want["thinking"] = thinking or []
        have = request_facets(arrived[0])
        if want["max_tokens"] == "any":
            have["max_tokens"] = "any"
        if not thinking:
            have["thinking"] = []
        if self.only:
            want = {k: want[k] for k in self.only}
        diffs = differences(prefix + "request.", want, have)
        w, h = answer_facets(told), answer_facets(got)
        for f in (w, h):
            for k in ("usage.cached", "usage.reasoning", "usage.written"):
                f[k] = f.get(k) or 0
        diffs.update(differences(prefix + "answer.", w, h))
        return got, diffs

    def post(self, ask, model=None, gateway=None, **more):
        model = model or self.model
        path = self.i.path(model, ask["stream"]) if not ask["form"] else self.i.path_of_form(model, ask["form"])
        self.last = post((gateway or self.m.gateway).port, path, self.i.body(model, ask), **more)
        return self.last

    def read(self, reply, stream, form=None):
        if form:
            return self.i.read_form(form, reply, self.model, stream)
        if stream:
            want = self.i.stream_type
            need(reply.fields.get("content-type", "").startswith(want), f"content-type {reply.fields.get('content-type')}")
            return self.i.read_stream(reply.body, self.model)
        return self.i.read_reply(reply, self.model)

    def refusals(self, s):
        """Without drop_params, what would be lost is a 400 that names it."""
        found = []
        for loss in LOSSES:
            if loss.refused and loss.covers(self.i.name, self.o.name, s.name):
                reply = self.post(self.i.asks(clone(s.ask)), f"strict-{self.o.name}")
                text = self.i.read_error(reply) if reply.status == 400 else f"{reply.status}"
                if loss.refused not in text:
                    found.append(f"without drop_params: want 400 naming {loss.refused}, got {text}")
        return found

    # ---- faults ----

    def fault(self, s, stream):
        return getattr(self, s.kind)(s, stream) or {}

    def start(self, fail):
        """Vendor: the first frames of an answer, then whatever fail does."""
        answer = self.o.told({**clone(BY_NAME["text"].says), "parts": [{"t": "text", "text": WORDS * 3}]})
        frames = list(self.o.frames(answer))
        # up to and with the last piece of text, but nothing behind it
        upto = max(i for i, f in enumerate(frames) if b"came before" in f and b'"text": "' + WORDS.encode() * 3 not in f
                   and b"completed" not in f and b'.done"' not in f) + 1

        def script(conn, path, fields, body):
            try:
                begin_stream(conn, self.o.stream_type)
                for f in frames[:upto]:
                    send_chunk(conn, f)
            except OSError:  # the gateway has hung up already: fail sees it
                pass
            return fail(conn, upto)

        self.vendor.script = script

    def ask(self, stream):
        return self.i.asks({**clone(BY_NAME["text"].ask), "stream": stream})

    def error(self, s, stream):
        def script(conn, path, fields, body):
            send_json(conn, self.o.error(s.status, TEXT), s.status, "retry-after: 7\r\n" if s.status in (429, 529) else "")

        self.vendor.script = script
        r = self.post(self.ask(stream))
        diffs = {}
        if r.status != s.status:
            diffs["answer.status"] = f"want {s.status}, got {r.status} {r.body!r}"
        said = self.i.read_error(r)
        if TEXT not in said:
            diffs["answer.error"] = f"want the vendor's text, got {said!r}"
        if s.status in (429, 529) and r.fields.get("retry-after") != "7":
            diffs["answer.retry_after"] = f"want 7, got {r.fields.get('retry-after')}"
        return diffs

    def broken(self, s, stream):
        def fail(conn, n):
            for f in self.o.error_frames(TEXT, n):
                send_chunk(conn, f)
            end_stream(conn)

        self.start(fail)
        r = self.post(self.ask(True))
        words, error = self.i.read_stream(r.body, self.model, broken=True)
        return differences("answer.", {"words": WORDS * 3, "error": True}, {"words": words, "error": TEXT in error})

    def cut(self, s, stream):
        if stream:
            self.start(lambda conn, n: "close")
            r = self.post(self.ask(True))
            words, error = self.i.read_stream(r.body, self.model, broken=True)
            return differences("answer.", {"words": WORDS * 3, "error": True}, {"words": words, "error": bool(error)})

        def script(conn, path, fields, body):
            conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"id\":\"x")
            return "close"

        self.vendor.script = script
        r = self.post(self.ask(False))
        need(self.i.read_error(r), "an error text")
        return differences("answer.", {"status": 502}, {"status": r.status})

    def tidy(self, s, stream):
        self.start(lambda conn, n: end_stream(conn))
        r = self.post(self.ask(True))
        words, error = self.i.read_stream(r.body, self.model, broken=True)
        return differences("answer.", {"words": WORDS * 3, "error": True}, {"words": words, "error": bool(error)})

    def gone(self, s, stream):
        left = threading.Event()

        def wait(conn, n=0):
            conn.settimeout(5)
            try:
                if not conn.recv(1):
                    left.set()
            except (ConnectionResetError, BrokenPipeError):
                left.set()
            return "close"

        if stream:
            self.start(wait)
            self.post(self.ask(True), until=WORDS.split()[0].encode())
        else:
            arrived = threading.Event()

            def script(conn, path, fields, body):
                arrived.set()
                return wait(conn)

            self.vendor.script = script
            with_timeout = threading.Thread(target=self.hang_up_when, args=(arrived,))
            with_timeout.start()
            with_timeout.join()
        need(left.wait(3), "the upstream's connection stays open when the client has gone")

    def hang_up_when(self, arrived):
        body = json.dumps(self.i.body(self.model, self.ask(False))).encode()
        with socket.create_connection(("127.0.0.1", self.m.gateway.port), timeout=5) as c:
            c.sendall(f"POST {self.i.path(self.model, False)} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                      f"content-length: {len(body)}\r\n\r\n".encode() + body)
            arrived.wait(3)

    def silence(self, s, stream):
        told = self.o.told(BY_NAME["text"].says)

        def script(conn, path, fields, body):
            time.sleep(0.35)
            begin_stream(conn, self.o.stream_type)
            frames = list(self.o.frames(told))
            half = len(frames) // 2
            for f in frames[:half]:
                send_chunk(conn, f)
            time.sleep(0.35)
            for f in frames[half:]:
                send_chunk(conn, f)
            end_stream(conn)

        self.vendor.script = script
        r = self.post(self.ask(True), gateway=self.m.restless)
        got = self.read(r, True)
        n = self.i.keepalives(r.body)
        need(n >= 4, f"{n} signs of life in 0.7 s, want 4 of this dialect's form: {r.body!r}")
        want, have = answer_facets(told), answer_facets(got)
        return differences("answer.", {k: want[k] for k in ("words", "finish")}, have)

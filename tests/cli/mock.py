"""sluice mock: its endpoints, orders, faults, strictness, log and files. mock.py PATH-OF-SLUICE"""
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from shapes import ENDS, ERRORS, READ, anthropic, ask, cohere, frames, gemini, ollama, openai, responses, generate  # noqa: E402

sluice = sys.argv[1]
children = []


def start(*args):
    p = subprocess.Popen([sluice, "mock", "--port", "0", *args], stdout=subprocess.PIPE, text=True)
    children.append(p)
    return int(p.stdout.readline().rsplit(":", 1)[1])


def check(what, ok, got=""):
    if not ok:
        sys.exit(f"mock.py: {what} {got!r:.2000}")


def shapes(port):
    for api, read in READ.items():
        name = api.__name__
        path, body = api("hello", False, False)
        status, _, text = ask(port, path, body)
        check(name, status == 200 and read(json.loads(text))[0].startswith("The quick") and
              read(json.loads(text))[2] == 20, text)
        path, body = api("think=1 say=Grüße, Welt", False, False)
        status, _, text = ask(port, path, body)
        check(name + " say", read(json.loads(text))[0] == "Grüße, Welt", text)
        check(name + " think", "think about it" in text, text)
        path, body = api("think=1 say=Grüße, Welt", True, False)
        status, head, text = ask(port, path, body)
        check(name + " stream", status == 200 and ENDS[api] in text and "think about it"[:5] in text and frames(text), text)
        path, body = api("status=429 retry-after=7", False, False)
        status, head, text = ask(port, path, body)
        check(name + " 429", status == 429 and head["Retry-After"] == "7" and ERRORS[api](json.loads(text)) == "mock error 429", text)
        if api is generate:
            continue
        path, body = api("calls=2", False, True)
        status, _, text = ask(port, path, body)
        check(name + " calls", read(json.loads(text))[1] == [("f", {"city": "Paris"}), ("f", {"city": "Rome"})], text)
        path, body = api("calls=2", True, True)
        status, _, text = ask(port, path, body)
        check(name + " calls stream", ENDS[api] in text and len(frames(text)) >= 2, text)


def others(port):
    check("models", json.loads(ask(port, "/v1/models")[2])["data"][0]["id"] == "mock-model")
    check("anthropic models", json.loads(ask(port, "/v1/models", headers={"anthropic-version": "x"})[2])["has_more"] is False)
    check("gemini models", "models/mock-model" in ask(port, "/v1beta/models")[2])
    check("tags", "mock-model:latest" in ask(port, "/api/tags")[2])
    check("version", json.loads(ask(port, "/api/version")[2])["version"])
    check("show", "capabilities" in ask(port, "/api/show", {"model": "m"})[2])
    e = json.loads(ask(port, "/v1/embeddings", {"model": "m", "input": ["a", "b"]})[2])
    check("embeddings", [d["index"] for d in e["data"]] == [0, 1] and len(e["data"][0]["embedding"]) == 4, e)
    check("embed", len(json.loads(ask(port, "/api/embed", {"input": ["a", "b"]})[2])["embeddings"]) == 2)
    check("cohere embed", len(json.loads(ask(port, "/v2/embed", {"texts": ["a"]})[2])["embeddings"]["float"]) == 1)
    check("rerank", len(json.loads(ask(port, "/v2/rerank", {"documents": ["a", "b"], "top_n": 1})[2])["results"]) == 1)
    check("count", json.loads(ask(port, "/v1/messages/count_tokens", {})[2])["input_tokens"] == 20)
    check("404", ask(port, "/nowhere")[0] == 404)
    check("405", ask(port, "/v1/models", {})[0] == 405)
    check("bad json", ask(port, "/v1/messages", "x")[0] == 400)


def raw(port, api, text, stream):
    """All bytes until the mock closes or a second passes."""
    path, body = api(text, stream, False)
    body = json.dumps(body)
    s = socket.create_connection(("127.0.0.1", port), timeout=1)
    s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    got, end = b"", "open"
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                end = "closed"
                break
            got += piece
    except ConnectionResetError:
        end = "reset"
    except socket.timeout:
        pass
    s.close()
    return got.decode(), end


def faults(port):
    got, end = raw(port, openai, "fault=html200", False)
    check("html200", "200 OK" in got and "text/html" in got and end == "open", got)
    check("reset", raw(port, openai, "fault=reset", False) == ("", "reset"))
    check("close", raw(port, openai, "fault=close", False) == ("", "closed"))
    got, end = raw(port, openai, "fault=truncate", True)
    check("truncate", end == "closed" and "[DONE]" not in got and "content" in got and not got.endswith("0\r\n\r\n"), got)
    got, end = raw(port, openai, "fault=truncate", False)
    check("truncate whole", end == "closed" and len(got.split("\r\n\r\n")[1]) < 400, got)
    got, end = raw(port, anthropic, "fault=reset-mid", True)
    check("reset-mid", end == "reset" and "message_start" in got and "message_stop" not in got, got)
    for api, mark in ((openai, '"error"'), (anthropic, "event: error"), (gemini, '"UNAVAILABLE"'), (cohere, '"ERROR"'),
                      (ollama, '{"error"'), (responses, "event: error")):
        got, end = raw(port, api, "fault=midstream-error", True)
        check(f"midstream {api.__name__}", mark in got and got.endswith("0\r\n\r\n"), got)
    got, end = raw(port, ollama, "fault=cut-tidy", True)
    check("cut-tidy", got.endswith("0\r\n\r\n") and '"done":true' not in got, got)
    got, end = raw(port, openai, "fault=bad-frame", True)
    check("bad-frame", "data: {oops" in got, got)
    check("garbage-head", raw(port, openai, "fault=garbage-head", False)[0].startswith("HTTP/9.9"))
    got, end = raw(port, openai, "fault=stray-bytes", False)
    check("stray", got.count("HTTP/1.1 200 OK") == 2 and got.endswith('{"stray":true}'), got)
    check("echo-auth", "X-Echo: Bearer key" in raw(port, openai, "fault=echo-auth", False)[0])
    check("interim", raw(port, openai, "fault=interim", False)[0].startswith("HTTP/1.1 103"))
    check("two lengths", raw(port, openai, "fault=two-lengths", False)[0].count("Content-Length") == 2)
    check("redirect", "Location:" in raw(port, openai, "fault=redirect", False)[0])
    check("http10", raw(port, openai, "fault=http10", True)[1] == "closed")
    check("empty200", "Content-Length: 0" in raw(port, openai, "fault=empty200", False)[0])
    check("drip", raw(port, openai, "fault=drip ms=0 say=hi", False)[0].startswith("HTTP/1.1 200"))
    check("unknown fault", "knows no fault" in raw(port, openai, "fault=nonsense", False)[0])
    check("big frame", max(map(len, raw(port, openai, "fault=big-frame", True)[0].split("\n"))) > 300000)
    before = time.monotonic()
    got, _ = raw(port, openai, "fault=silence ms=300", False)
    check("silence", "200 OK" in got and time.monotonic() - before > 0.3, got)
    path, body = openai("fault=503 times=2", False, False)
    check("times", [ask(port, path, body)[0] for _ in range(3)] == [503, 503, 200])
    path, body = openai("hi", False, False)
    body["model"] = "m,status=401"
    check("order in the model's name", ask(port, path, body)[0] == 401)


def strict(port):
    refused = [
        (openai, {"messages": [{"role": "boss", "content": "x"}]}),
        (openai, {"messages": [{"role": "tool", "tool_call_id": "a", "content": "x"}]}),
        (openai, {"temperature": 3}), (openai, {"top_k": 3}),
        (anthropic, {"max_tokens": None}),
        (anthropic, {"messages": [{"role": "user", "content": "x"}] * 2}),
        (anthropic, {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [
            {"type": "tool_use", "id": "a", "name": "f", "input": {}}]}, {"role": "user", "content": "y"}]}),
        (gemini, {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "object", "additionalProperties": False}}]}]}),
        (gemini, {"messages": []}),
        (cohere, {"tool_choice": "auto"}), (cohere, {"top_p": 0.5}), (cohere, {"temperature": 1.5}),
        (ollama, {"messages": [{"role": "user", "content": "x", "images": ["https://x/y.png"]}]}),
        (ollama, {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
        (responses, {"input": [{"type": "function_call_output", "call_id": "a", "output": "x"}]}),
    ]
    for api in READ:
        path, body = api("hello", False, False)
        status, _, text = ask(port, path, body)
        check(f"strict {api.__name__} fine", status == 200, text)
    for api, change in refused:
        path, body = api("hello", False, False)
        body.update(change)
        status, _, text = ask(port, path, {k: v for k, v in body.items() if v is not None})
        check(f"strict {api.__name__} {change}", status == 400 and ERRORS[api](json.loads(text)), text)


def log(port):
    ask(port, "/mock/log", method="DELETE")
    path, body = openai("hello", False, False)
    ask(port, path + "?a=b", body, headers={"X-Some": "Thing"})
    entries = json.loads(ask(port, "/mock/log")[2])["requests"]
    check("log", len(entries) == 1 and entries[0]["path"] == path + "?a=b" and entries[0]["method"] == "POST" and
          entries[0]["headers"]["x-some"] == "Thing" and entries[0]["body"] == body and entries[0]["status"] == 200, entries)
    path, body = openai("fault=silence ms=5000", True, False)
    body = json.dumps(body)
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    time.sleep(0.1)
    s.close()
    time.sleep(0.1)
    entries = json.loads(ask(port, "/mock/log")[2])["requests"]
    check("aborted", entries[-1]["aborted"] and not entries[0]["aborted"], entries)
    stats = json.loads(ask(port, "/mock/stats")[2])
    check("stats", stats["aborted"] >= 1 and stats["connections"]["open"] == 1, stats)
    s = socket.create_connection(("127.0.0.1", port), timeout=2)
    s.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    got = b""
    while piece := s.recv(65536):
        got += piece
    check("pipelined", got.count(b"HTTP/1.1 200") == 1 and got.count(b"HTTP/1.1 404") == 1, got)


def files():
    with tempfile.TemporaryDirectory() as d:
        script = os.path.join(d, "script.jsonl")
        with open(script, "w") as f:
            f.write('# a comment\n{"match":{"path":"/v1/models"},"times":1,"reply":[{"send":"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n"},{"pause_ms":20,"send":"hi"}]}\n')
        os.mkdir(os.path.join(d, "vendor"))
        with open(os.path.join(d, "vendor", "one.0.abc.json"), "w") as f:
            json.dump({"request": {}, "reply": {"status": 429, "headers": {"retry-after": "3"}, "body": '{"a":1}'}}, f)
        with open(os.path.join(d, "vendor", "two.json"), "w") as f:
            json.dump({"reply": {"status": 200, "headers": {"content-type": "text/event-stream"},
                                 "sse": "event: a\ndata: {}\n\ndata: [DONE]\n\n"}}, f)
        port = start("--script", script, "--replay", d)
        check("script", ask(port, "/v1/models")[2] == "hi")
        check("script is over", "mock-model" in ask(port, "/v1/models")[2])
        path, body = openai("replay=one.0.abc", False, False)
        status, head, text = ask(port, path, body)
        check("replay", status == 429 and head["Retry-After"] == "3" and text == '{"a":1}', text)
        path, body = openai("replay=two", True, False)
        status, head, text = ask(port, path, body)
        check("replay stream", head["Content-Type"] == "text/event-stream" and text == "event: a\ndata: {}\n\ndata: [DONE]\n\n", text)
        path, body = openai("replay=three", False, False)
        check("no such replay", ask(port, path, body)[0] == 404)


def tls():
    if not shutil.which("openssl"):
        return
    with tempfile.TemporaryDirectory() as d:
        cert, key = os.path.join(d, "cert.pem"), os.path.join(d, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-days", "2"], check=True, stderr=subprocess.DEVNULL)
        port = start("--tls-cert", cert, "--tls-key", key)
        c = http.client.HTTPSConnection("localhost", port, timeout=20, context=ssl.create_default_context(cafile=cert))
        path, body = openai("say=over TLS", True, False)
        c.request("POST", path, json.dumps(body))
        text = c.getresponse().read().decode()
        check("tls", "[DONE]" in text, text)
        c.close()


try:
    plain = start("--chunks", "6")
    shapes(plain)
    others(plain)
    faults(plain)
    log(plain)
    strict(start("--strict"))
    files()
    tls()
    rated = start("--chunks", "5", "--chunk-rate", "50", "--latency", "50")
    before = time.monotonic()
    path, body = openai("hello", True, False)
    ask(rated, path, body)
    took = time.monotonic() - before
    check("rate", 0.13 < took < 1.5, took)
finally:
    for child in children:
        child.kill()

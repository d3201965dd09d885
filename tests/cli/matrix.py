"""Every API in, every API out: sluice serve in front of a strict sluice mock. matrix.py PATH-OF-SLUICE"""
import json
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from shapes import ENDS, ERRORS, READ, STREAM, ask, frames, gemini, generate, responses  # noqa: E402

sluice = sys.argv[1]
UPSTREAMS = {"oai": ("openai/gpt-4o", "/v1"), "claude": ("anthropic/claude-sonnet-4-5", ""),
             "gem": ("gemini/gemini-2.5-flash", ""), "coh": ("cohere/command-a-reasoning", ""), "oll": ("ollama/qwen3", "")}
wrong = []


def check(what, ok, got=""):
    if not ok:
        wrong.append(f"{what}: {got!r:.700}")


def start(args, mark):
    """Starts sluice; returns it and the port it says in its first line with mark. Its output goes on
    to be read: a full pipe would stop it."""
    p = subprocess.Popen([sluice, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in p.stdout:
        if mark in line:
            threading.Thread(target=p.stdout.read, daemon=True).start()
            return p, int(line.split("://", 1)[1].split(":")[1].split()[0])
    sys.exit(f"matrix.py: {args} did not start")


def cell(port, api, model):
    """One inbound API on one upstream."""
    name = f"{api.__name__} on {model}"

    def send(text, stream=False, tools=False):
        path, body = api(text, stream, tools)
        if api is gemini:
            path = path.replace("/m:", f"/{model}:")
        else:
            body["model"] = model
        return ask(port, path, body)

    status, _, text = send("think=1 say=hello")
    ok = status == 200 and READ[api](json.loads(text))[0] == "hello"
    check(name + " text", ok and READ[api](json.loads(text))[2] == 20, text)
    status, head, text = send("think=1 say=hello", stream=True)
    check(name + " stream", status == 200 and ENDS[api] in text and STREAM[api](frames(text))[0] == "hello", text)
    status, head, text = send("status=429 retry-after=7 say=too fast")
    check(name + " 429", status == 429 and head["Retry-After"] == "7" and "too fast" in ERRORS[api](json.loads(text)), (status, text))
    status, head, text = send("fault=midstream-error", stream=True)
    tidy = ENDS[api] in text and '"ERROR"' not in text
    check(name + " error in mid-stream", not tidy and "mock error in mid-stream" in text, text[-600:])
    status, head, text = send("fault=truncate", stream=True)
    check(name + " cut off", ENDS[api] not in text and "the upstream closed" in text, text[-600:])
    status, head, text = send("fault=cut-tidy", stream=True)
    check(name + " ended too early", ENDS[api] not in text and "broke off" in text, text[-600:])
    status, head, text = send("fault=html200", stream=True)
    check(name + " a web page", status == 502 and ERRORS[api](json.loads(text)), (status, text))
    if api is generate:
        return
    status, _, text = send("calls=2", tools=True)
    calls = [("f", {"city": "Paris"}), ("f", {"city": "Rome"})]
    check(name + " calls", status == 200 and READ[api](json.loads(text))[1] == calls, text)
    status, _, text = send("calls=2", stream=True, tools=True)
    check(name + " calls streamed", status == 200 and STREAM[api](frames(text))[1] == calls and ENDS[api] in text, text)


mock, mock_port = start(["mock", "--port", "0", "--strict"], "mock listening")
children = [mock]
try:
    with tempfile.TemporaryDirectory() as d:
        config = os.path.join(d, "config.yaml")
        with open(config, "w") as f:
            f.write("model_list:\n")
            for alias, (model, path) in UPSTREAMS.items():
                f.write(f'  - model_name: {alias}\n    litellm_params: {{ model: "{model}", api_base: '
                        f'"http://127.0.0.1:{mock_port}{path}", api_key: "k" }}\n')
            f.write("router_settings: { disable_cooldowns: true, num_retries: 0 }\n")
        gateway, port = start(["serve", "--config", config, "--port", "0"], "listens on")
        children.append(gateway)
        for api in READ:
            for alias in UPSTREAMS:
                if api is not responses or ask(port, "/v1/responses", {"model": alias, "input": "x"})[0] != 404:
                    cell(port, api, alias)
finally:
    for child in children:
        child.kill()
if wrong:
    sys.exit("\n".join(wrong))

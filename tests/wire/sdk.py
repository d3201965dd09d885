"""What the tests with the vendors' SDKs (test_sdk_*.py) share.

One gateway with one `sluice mock` behind it serves all of them: a model for every dialect that an upstream
can speak, each named after its dialect. What the mock shall do stands in the prompt (docs/mock.md), behind a
tag of its own by which the request is found again in the mock's log.

The JavaScript SDKs run in tests/wire/js: one script per SDK does every scenario for every model and prints
the results, each then looked at by a test. Both languages report in the same form, so that the checks are
the same ones (the functions check_*).
"""
import functools
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

import httpx

KEY = "sk-sdk-master"
DIALECTS = ["openai", "anthropic", "gemini", "cohere", "ollama", "responses"]
FEW = ["openai", "anthropic", "gemini"]  # for SDKs where the rest would only cost time
JS = pathlib.Path(__file__).parent / "js"

PROMPTS = {
    "plain": "say=Hello there, friend.",
    "stream": "chunks=6 say=The answer comes in six pieces, not one.",
    "call": "call=get_weather",
    "calls": "call=get_weather calls=2",
    "image": "say=A red dot.",
    "json": "",
    "think": "think=1 say=Four.",
    "bad": "fault=400 say=That is nothing we can do",
    "retry": "fault=429 retry-after=1 times=1 say=At the second time of asking.",
    "midstream": "fault=midstream-error chunks=6 say=This will break before it comes to its end.",
    "cut": "fault=reset-mid chunks=6 say=This will break before it comes to its end.",
    "abort": "rate=10 chunks=400 say=" + "la " * 400,
    "silent": "ms=30000 say=Too late.",
    "quiet": "ms=3000 chunks=6 say=That took me a while, as you see.",
    "quietmid": "fault=silence-mid ms=3000 chunks=6 say=That took me a while, as you see.",
}
TEXT = {name: prompt.partition("say=")[2] for name, prompt in PROMPTS.items()}
# A red dot, as PNG.
PNG = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC")
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": False}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "temp": {"type": "integer"}},
           "required": ["city", "temp"], "additionalProperties": False}

counter = itertools.count(1)
UPSTREAMS = {
    "openai": ("openai/gpt-4o", "/v1"),
    "anthropic": ("anthropic/claude-sonnet-4-5", ""),
    "gemini": ("gemini/gemini-2.5-flash", ""),
    "cohere": ("cohere/command-a-03-2025", ""),
    "ollama": ("ollama_chat/qwen3:8b", ""),
    "responses": ("openai/responses/gpt-5", "/v1"),
}


class World:
    """The mock and the gateway in front of it; asks(scenario) gives a prompt, sent(tag) what came of it."""

    def __init__(self, directory, *args, mock_args=()):
        import conftest

        self.mock = conftest.Process(["mock", "--port", "0", *mock_args])
        models = [{"model_name": name,
                   "litellm_params": {"model": UPSTREAMS[name][0], "api_base": self.mock.url + UPSTREAMS[name][1],
                                      "api_key": "sk-upstream"}}
                  for name in DIALECTS]
        directory.mkdir(parents=True, exist_ok=True)
        self.gateway = conftest.Gateway({"model_list": models, "general_settings": {"master_key": KEY},
                                         "router_settings": {"num_retries": 0, "allowed_fails": 1000000}},
                                        directory, *args)
        self.url = self.gateway.url
        self.seen = {}  # the mock's log, of which it keeps only the end

    def asks(self, scenario):
        return f"tag-{next(counter)}-{scenario} " + PROMPTS[scenario]

    def log(self):
        self.seen.update({r["number"]: r for r in httpx.get(self.mock.url + "/mock/log").json()["requests"]})
        return self.seen.values()

    def sent(self, prompt):
        """The requests that reached the mock with this prompt's tag."""
        tag = prompt.split(" ")[0] + " "
        return [r for r in self.log() if tag in json.dumps(r["body"])]

    def cancelled(self, prompt, seconds=3):
        """True once the mock has seen its answer to this prompt given up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(r["aborted"] for r in self.sent(prompt)):
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        self.gateway.stop()
        self.mock.stop(expect=None)


class Worlds:
    """Worlds by their flags, each started when the first test asks for it."""

    def __init__(self, factory):
        self.factory, self.made, self.js_results, self.clients = factory, {}, {}, {}

    def get(self, *args):
        if args not in self.made:
            self.made[args] = World(self.factory.mktemp("sdk"), *args)
        return self.made[args]

    def js(self, script, models, *args):
        """What tests/wire/js/SCRIPT.mjs found for these models; it runs once."""
        key = (script, tuple(models), args)
        if key not in self.js_results:
            try:
                self.js_results[key] = run_js(self.get(*args), script, models)
            except Exception as e:  # once for all its tests
                self.js_results[key] = e
        if isinstance(self.js_results[key], Exception):
            raise self.js_results[key]
        return self.js_results[key]

    def client(self, kind, world):
        """One of sdk_clients.py, opened once."""
        if (kind, world.url) not in self.clients:
            self.clients[kind, world.url] = kind(world.url)
        return self.clients[kind, world.url]

    def stop(self):
        for world in self.made.values():
            world.stop()


@functools.cache
def js_missing():
    """Why the JavaScript SDKs cannot run here; empty if they can."""
    if not shutil.which("node"):
        return "node is not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if int(version[1:].split(".")[0]) < 18:
        return f"the JavaScript SDKs need node 18 or newer (this is {version})"
    if not (JS / "node_modules").exists():
        return "npm packages are not installed: tests/wire/setup --js"
    return ""


def keep_log(world, process):
    while process.poll() is None:
        world.log()
        time.sleep(0.3)


def run_js(world, script, models, seconds=20, change=lambda prompt: prompt):
    task = {"url": world.url, "key": KEY, "models": models, "png": PNG, "city": CITY, "weather": WEATHER,
            "seconds": seconds, "prompts": {m: {s: change(world.asks(s)) for s in PROMPTS} for m in models}}
    env = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    node = subprocess.Popen(["node", str(JS / f"{script}.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=env)
    killer = threading.Timer(130 + seconds, node.kill)
    killer.start()
    threading.Thread(target=keep_log, args=(world, node), daemon=True).start()
    out, err = node.communicate(json.dumps(task))
    killer.cancel()
    time.sleep(0.3)  # for the last cancelled ones
    world.log()
    assert node.returncode == 0, out[-2000:] + err[-4000:]
    results = json.loads(out.splitlines()[-1])
    return {m: {s: {"prompt": task["prompts"][m].get(s.split("_")[0]), **r} for s, r in results[m].items()}
            for m in models}


# ---- checks: the same for every SDK and language -----------------------------------------------------

def no_error(got):
    assert not got.get("error"), got["error"]


def check_plain(got, prompt_tokens=20):
    no_error(got)
    assert got["text"] == TEXT["plain"]
    assert got["finish"] in ("stop", "end_turn", "STOP", "COMPLETE", "completed"), got
    assert got["usage"] == [prompt_tokens, len(TEXT["plain"]) // 4 + 1], got


def check_stream(got, prompt_tokens=20, pieces=6):
    no_error(got)
    assert got["text"] == TEXT["stream"]
    assert got["pieces"] >= pieces, got
    assert got["finish"] in ("stop", "end_turn", "STOP", "COMPLETE", "completed"), got
    if got.get("usage"):
        assert got["usage"] == [prompt_tokens, len(TEXT["stream"]) // 4 + 1], got


def check_loop(got):
    """Tool offered, called, its result sent back, and an answer that has seen the result."""
    no_error(got)
    assert got["calls"] == [["get_weather", {"city": "Paris"}]], got
    assert "18 degrees in Paris" in got["text"], got


def check_parallel(got):
    no_error(got)
    assert got["calls"] == [["get_weather", {"city": "Paris"}], ["get_weather", {"city": "Rome"}]], got
    if "ids" in got:
        assert len(set(got["ids"])) == 2 and all(got["ids"]), got
    assert "18 degrees in Paris" in got["text"] and "18 degrees in Rome" in got["text"], got


def check_json(got):
    no_error(got)
    assert got["value"] == {"city": "Paris", "temp": 21}, got


def check_thinking(got):
    no_error(got)
    assert got["text"] == TEXT["think"], got
    assert got["thinking"] == "Let me think about it. Yes, that is how it is.", got


def standard_base64(text, path):
    """Google takes the URL's alphabet too (and its Python SDK writes it); the others take no such thing."""
    return text.replace("_", "/").replace("-", "+") if ":generateContent" in path else text


def check_image(got, world):
    no_error(got)
    assert got["text"] == TEXT["image"]
    sent = [r for r in world.sent(got["prompt"]) if PNG in standard_base64(json.dumps(r["body"]), r["path"])]
    assert sent, world.sent(got["prompt"])


def check_bad(got, names=(), status=400):
    error = got["error"]
    assert TEXT["bad"] in error["message"], error
    assert error["status"] in (status, None), error
    assert not names or error["name"] in names, error


def check_wrong_key(got, names=()):
    error = got["error"]
    assert error["status"] == 401, error
    assert not names or error["name"] in names, error


def check_retry(got, world):
    no_error(got)
    assert got["text"] == TEXT["retry"], got
    assert [r["status"] for r in world.sent(got["prompt"])] == [429, 200]


def check_broken(got, text=True):
    """The stream began and then raised: it must not look like a complete answer."""
    assert got["error"], got
    if text:
        assert got["text"] and TEXT["midstream"].startswith(got["text"]) and got["text"] != TEXT["midstream"], got


def check_abort(got, world):
    assert got["pieces"] >= 1, got
    assert world.cancelled(got["prompt"]), world.sent(got["prompt"])


def check_silent_abort(got, world):
    assert got["seconds"] < 5, got
    assert world.cancelled(got["prompt"]), world.sent(got["prompt"])


def check_models(got):
    no_error(got)
    assert set(DIALECTS) <= set(got["ids"]), got


CHECKS = {
    "plain": check_plain,
    "stream": check_stream,
    "call": check_loop,
    "calls": check_parallel,
    "image": check_image,
    "json": check_json,
    "think": check_thinking,
    "bad": check_bad,
    "wrongkey": check_wrong_key,
    "retry": check_retry,
    "midstream": check_broken,
    "cut": check_broken,
    "abort": check_abort,
    "silent": check_silent_abort,
    "models": check_models,
}


def check(world, scenario, got):
    """scenario may carry more words behind a `_`."""
    how = CHECKS[scenario.split("_")[0]]
    how(got, world) if how in (check_image, check_retry, check_abort, check_silent_abort) else how(got)

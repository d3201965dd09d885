#!/usr/bin/env python3
"""Open WebUI, the real one, in front of the gateway, used in a real browser.

    tests/real/openwebui.py [--shots DIR] [--keep]

Starts `sluice mock` (strict), the gateway, Open WebUI (the PyPI package, from a venv of its own: see
docs/testing.md) and a headless Chromium, and does what a person does: pick a model, ask, watch the
answer stream, stop another one, attach a picture and a document, and use the gateway as an Ollama.
Everything is on loopback and on free ports. Prints one line per step; exit status 1 if one failed.

OPEN_WEBUI names the program (default build-real/openwebui/bin/open-webui), CHROMIUM the browser,
SLUICE the gateway's binary.
"""
import argparse
import base64
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = os.environ.get("SLUICE", str(ROOT / "build" / "sluice"))
OPEN_WEBUI = os.environ.get("OPEN_WEBUI", str(ROOT / "build-real" / "openwebui" / "bin" / "open-webui"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
START_SECONDS = 600  # the first start of Open WebUI fills its database
ANSWER_MS = 30_000   # a page of Open WebUI on a busy machine is slow; the gateway is not what we wait for

CONFIG = """\
model_list:
  - { model_name: chat-relayed, litellm_params: { model: openai/mock-a, api_base: "BASE/v1", api_key: k } }
  - { model_name: chat-translated, litellm_params: { model: anthropic/mock-b, api_base: BASE, api_key: k } }
  - { model_name: embedder, litellm_params: { model: openai/mock-e, api_base: "BASE/v1", api_key: k } }
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as r:
        return json.load(r)


def picture():
    """A PNG of 32 x 32 red pixels."""
    def part(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = b"".join(b"\0" + b"\xc8\x28\x28" * 32 for _ in range(32))
    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)) +
            part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))


class Stack:
    """The processes, and what the mock was asked."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def __enter__(self):
        try:
            self.start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start_all(self):
        folder = self.folder
        mock, gateway, page = free_port(), free_port(), free_port()
        self.mock, self.gateway, self.page = (f"http://127.0.0.1:{p}" for p in (mock, gateway, page))
        (folder / "config.yaml").write_text(CONFIG.replace("BASE", self.mock))
        self.start("mock", [SLUICE, "mock", "--port", str(mock), "--strict"], self.mock + "/mock/stats")
        self.start("gateway", [SLUICE, "serve", "--config", str(folder / "config.yaml"), "--port", str(gateway)],
                   self.gateway + "/health/liveliness")
        self.start("open-webui", [OPEN_WEBUI, "serve", "--host", "127.0.0.1", "--port", str(page)],
                   self.page + "/health", {
                       "DATA_DIR": str(folder / "data"), "WEBUI_AUTH": "False", "WEBUI_SECRET_KEY": "any",
                       "OFFLINE_MODE": "true", "HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "false",
                       "ENABLE_VERSION_UPDATE_CHECK": "false", "DO_NOT_TRACK": "true",
                       "ENABLE_OPENAI_API": "true", "OPENAI_API_BASE_URLS": self.gateway + "/v1",
                       "OPENAI_API_KEYS": "any-key-will-do",
                       "ENABLE_OLLAMA_API": "true", "OLLAMA_BASE_URLS": self.gateway,
                       "RAG_EMBEDDING_ENGINE": "openai", "RAG_EMBEDDING_MODEL": "embedder",
                       "RAG_OPENAI_API_BASE_URL": self.gateway + "/v1", "RAG_OPENAI_API_KEY": "any-key-will-do"})

    def start(self, name, args, health, env=None):
        log = open(self.folder / f"{name}.log", "w")
        process = subprocess.Popen(args, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
                                   cwd=self.folder)
        self.running.append(process)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                urllib.request.urlopen(health, timeout=2).read()
                return
            except OSError:
                time.sleep(0.2)
        raise SystemExit(f"{name} did not start:\n" + (self.folder / f"{name}.log").read_text()[-3000:])

    def stop(self):
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def log(self):
        return get(self.mock + "/mock/log")["requests"]

    def asked(self, *words):
        """The requests whose body holds all the words, oldest first."""
        return [r for r in self.log() if all(w in json.dumps(r["body"]) for w in words)]

    def api(self, path, body):
        """Open WebUI's own API, as its only user (there is no log-in here)."""
        def call(path, body, token=None):
            fields = {"content-type": "application/json"}
            if token:
                fields["authorization"] = f"Bearer {token}"
            request = urllib.request.Request(self.page + path, json.dumps(body).encode(), fields)
            with urllib.request.urlopen(request, timeout=30) as r:
                return json.load(r)
        token = call("/api/v1/auths/signin", {"email": "admin@localhost", "password": "admin"})["token"]
        return call(path, body, token)


class Page:
    """What a person does on the page."""

    def __init__(self, stack, browser, shots):
        self.stack, self.shots, self.shot = stack, shots, 0
        self.page = browser.new_page()
        self.page.set_default_timeout(ANSWER_MS)
        self.page.goto(stack.page)
        self.page.wait_for_selector("#chat-input")
        news = self.page.get_by_role("button", name="Okay, Let's Go!")
        try:
            news.click(timeout=5000)
        except Exception:  # shown only once per version
            pass

    def look(self, name):
        if self.shots:
            self.shot += 1
            self.page.wait_for_timeout(300)
            self.page.screenshot(path=str(self.shots / f"{self.shot:02}-{name}.png"))

    def new_chat(self, model):
        self.page.goto(self.stack.page)
        self.page.click("#model-selector-model-button")
        self.page.click(f'[role=option][data-value="{model}"]')
        self.page.keyboard.press("Escape")
        self.page.wait_for_selector(f'[aria-label="Selected model: {model}"]')

    def ask(self, text):
        self.page.click("#chat-input")
        self.page.keyboard.insert_text(text)
        self.page.click("#send-message-button")

    def attach(self, name, kind, data):
        self.page.set_input_files("input[type=file]:not(#camera-input)",
                                  files=[{"name": name, "mimeType": kind, "buffer": data}])

    def answer(self):
        return self.page.locator(".chat-assistant").last.inner_text()

    def wait_answer(self, text):
        self.page.locator(".chat-assistant", has_text=text).last.wait_for()

    def answered(self, text):
        """The whole answer has come: its text is there and the Stop button is gone."""
        self.wait_answer(text)
        self.page.get_by_role("button", name="Stop", exact=True).wait_for(state="detached")


def models_are_listed(stack, page):
    listed = {m["id"] for m in get(stack.gateway + "/v1/models")["data"]}
    assert {"chat-relayed", "chat-translated", "embedder"} <= listed, listed
    page.page.click("#model-selector-model-button")
    for name in ("chat-relayed", "chat-translated", "ollama.chat-translated"):
        page.page.wait_for_selector(f'[role=option][data-value="{name}"]')
    page.look("models")
    page.page.keyboard.press("Escape")
    return "in the menu, from /v1/models and from /api/tags"


def an_answer_streams(stack, page, model, word):
    """Seen growing on the page, not only complete at the end."""
    page.new_chat(model)
    words = " ".join(f"{word}{i}" for i in range(40))
    page.ask(f"chunks=40,rate=10,say={words}")
    page.wait_answer(f"{word}3")
    early = len(page.answer())
    page.look(f"{model}-streams")
    page.answered(f"{word}39")
    late = len(page.answer())
    assert early < late, (early, late)
    page.look(f"{model}-answered")
    sent = [r for r in stack.asked(f"{word}39") if r["body"].get("stream")]
    assert len(sent) == 1 and sent[0]["status"] == 200 and not sent[0]["aborted"], sent
    return f"{early} characters at first, {late} at the end; {len(sent[0]['body'].get('tools', []))} tools were sent"


def stop_cancels(stack, page, model, word):
    page.new_chat(model)
    page.ask("chunks=600,rate=10,say=" + " ".join(f"{word}{i}" for i in range(600)))
    page.wait_answer(f"{word}5")
    page.page.get_by_role("button", name="Stop", exact=True).click()
    clicked = time.monotonic()
    while not any(r["aborted"] for r in stack.asked(f"{word}599")):
        assert time.monotonic() < clicked + 10, "the upstream was not cancelled"
        time.sleep(0.01)
    took = time.monotonic() - clicked
    page.look(f"{model}-stopped")
    assert took < 1, f"the upstream was cancelled {took:.2f} s after the click"
    return f"the upstream was cancelled {took * 1000:.0f} ms after the click"


def a_picture_arrives(stack, page, model, find):
    page.new_chat(model)
    page.attach("red.png", "image/png", picture())
    page.page.locator('img[alt]:not([alt=""])').last.wait_for()
    page.ask(f"What colour is it? say=seen-by-{model}")
    page.answered(f"seen-by-{model}")
    page.look(f"{model}-picture")
    sent = [r["body"] for r in stack.asked("What colour is it?", f"seen-by-{model}") if "tools" in r["body"]]
    data = find(sent[-1]["messages"][-1])
    assert base64.b64decode(data).startswith(b"\x89PNG"), data[:40]
    return f"{len(data)} characters of base64 reached the upstream"


def openai_picture(message):
    urls = [p["image_url"]["url"] for p in message["content"] if p["type"] == "image_url"]
    return re.fullmatch(r"data:image/png;base64,(.*)", urls[0])[1]


def anthropic_picture(message):
    return [p["source"]["data"] for p in message["content"] if p["type"] == "image"][0]


def a_document_is_read(stack, page):
    """Cut up and embedded through the gateway, found again by a query, and put before the model."""
    page.new_chat("chat-relayed")
    page.attach("notes.txt", "text/plain", b"The launch code of the toy rocket is BANANA-SEVEN.\n" * 5)
    page.page.get_by_text("notes.txt").last.wait_for()
    end = time.monotonic() + ANSWER_MS / 1000
    while not stack.asked("BANANA-SEVEN", "input"):
        assert time.monotonic() < end, "the document was not embedded"
        time.sleep(0.1)
    page.page.wait_for_timeout(1500)
    page.ask("What is the launch code? say=the-code-is-known")
    page.answered("the-code-is-known")
    page.look("document")
    embedded = [r for r in stack.log() if r["path"] == "/v1/embeddings"]
    assert embedded and all(r["status"] == 200 for r in embedded), embedded
    chats = [r for r in stack.asked("BANANA-SEVEN", "the-code-is-known") if r["path"] == "/v1/chat/completions"]
    assert chats, "the document's text did not reach the model"
    return f"{len(embedded)} calls for embeddings; its text was in the model's prompt"


def an_error_is_shown(stack, page):
    page.new_chat("chat-translated")
    page.ask("status=400,say=the-vendor-says-no")
    page.page.get_by_text("the-vendor-says-no").nth(1).wait_for()
    page.page.wait_for_timeout(500)
    page.look("error")
    return "the vendor's words are on the page"


def ollama_chats(stack, page):
    before = len(stack.log())
    detail = an_answer_streams(stack, page, "ollama.chat-translated", "llama")
    paths = {r["path"] for r in stack.log()[before:]}
    assert "/v1/messages" in paths, paths
    return detail


STEPS = [
    ("models are listed", models_are_listed),
    ("an answer streams (relayed)", lambda s, p: an_answer_streams(s, p, "chat-relayed", "pear")),
    ("an answer streams (translated)", lambda s, p: an_answer_streams(s, p, "chat-translated", "plum")),
    ("Stop cancels (relayed)", lambda s, p: stop_cancels(s, p, "chat-relayed", "oak")),
    ("Stop cancels (translated)", lambda s, p: stop_cancels(s, p, "chat-translated", "elm")),
    ("a picture (relayed)", lambda s, p: a_picture_arrives(s, p, "chat-relayed", openai_picture)),
    ("a picture (translated)", lambda s, p: a_picture_arrives(s, p, "chat-translated", anthropic_picture)),
    ("a document", a_document_is_read),
    ("an error", an_error_is_shown),
    ("Ollama connection: an answer streams", ollama_chats),
    ("Ollama connection: Stop cancels", lambda s, p: stop_cancels(s, p, "ollama.chat-translated", "fir")),
    ("Ollama connection: a picture", lambda s, p: a_picture_arrives(s, p, "ollama.chat-relayed", openai_picture)),
]


def run(stack, shots):
    # The same names come by both connections: Ollama's get a prefix.
    stack.api("/ollama/config/update", {
        "ENABLE_OLLAMA_API": True, "OLLAMA_BASE_URLS": [stack.gateway],
        "OLLAMA_API_CONFIGS": {"0": {"enable": True, "prefix_id": "ollama", "connection_type": "local"}}})
    failed = 0
    with sync_playwright() as p, tempfile.TemporaryDirectory() as profile:
        browser = p.chromium.launch_persistent_context(profile, executable_path=CHROMIUM, headless=True,
                                                       viewport={"width": 1200, "height": 800}, args=[
            "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"])
        page = Page(stack, browser, shots)
        for name, step in STEPS:
            began = time.monotonic()
            try:
                result = f"ok: {step(stack, page)}"
            except Exception as e:  # the next step starts from a new chat
                failed += 1
                result = f"FAILED: {str(e)[:600]}"
                page.look("failed")
            print(f"{name}: {result} ({time.monotonic() - began:.1f} s)", flush=True)
        browser.close()
    print(f"{len(STEPS) - failed} passed, {failed} failed")
    return failed


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--shots", type=pathlib.Path, help="put a picture of the page after every step here")
    args.add_argument("--keep", action="store_true", help="leave everything running until Enter is pressed")
    args = args.parse_args()
    if not os.path.exists(OPEN_WEBUI) or not os.path.exists(CHROMIUM):
        raise SystemExit(f"{OPEN_WEBUI} or {CHROMIUM} is missing: docs/testing.md says how to get them")
    if args.shots:
        args.shots = args.shots.resolve()
        args.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Stack(pathlib.Path(folder)) as stack:
        failed = run(stack, args.shots)
        if args.keep:
            input(f"Open WebUI is at {stack.page}; Enter ends it. ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

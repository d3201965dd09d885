"""Starts the real model servers that tests/real/setup has got, with the model of tinymodel.py."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request

import tinymodel

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("SLUICE_REAL", ROOT / "build-real"))
LLAMA = CACHE / "llama" / "root"
OLLAMA = os.environ.get("OLLAMA") or shutil.which("ollama") or str(CACHE / "bin" / "ollama")

START_SECONDS = 60
CONTEXT = 1024  # tokens that one conversation may have, on both servers


def have_llama():
    return (CACHE / "llama" / "installed").exists()


def have_ollama():
    return os.access(OLLAMA, os.X_OK)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_free(port):
    """Nobody listens there."""
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) != 0


def wait_for(condition, seconds):
    """The first value that is not false or None; an AssertionError after that many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Server:
    """A process with its output in a file; healthy when `health` answers 200."""

    def __init__(self, args, log, health, env):
        self.log = pathlib.Path(log)
        with open(self.log, "w") as out:
            self.process = subprocess.Popen([str(a) for a in args], stdout=out, stderr=subprocess.STDOUT,
                                            env={**os.environ, **env})
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(self.url + health, timeout=2):
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"{args[0]} did not start: " + self.log.read_text()[-2000:])
            time.sleep(0.05)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as r:
            return r.read().decode()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def cpu_backend():
    """ggml's code for this processor: the plain one runs anywhere, the AVX2 one on most."""
    flags = set()
    for line in open("/proc/cpuinfo"):
        if line.startswith("flags"):
            flags = set(line.split())
            break
    name = "haswell" if {"avx2", "fma", "f16c", "bmi2"} <= flags else "x64"
    return f"libggml-cpu-{name}.so"


class LlamaServer(Server):
    """Debian's, with the C library and the loader that came with it.

    With --context-shift an answer may outgrow the context: LONG really has no end.
    """

    def __init__(self, folder, *args, port=None):
        self.port = port or free_port()
        lib = next((LLAMA / "usr/lib").glob("*-linux-gnu"))
        loader = next((LLAMA / "usr").glob("lib*/ld-linux-*.so.*"))
        backend = lib / "ggml" / "backends0" / cpu_backend()
        env = {"GGML_BACKEND_PATH": str(backend)} if backend.exists() else {}
        super().__init__([loader, "--library-path", f"{lib}:{lib}/llama", LLAMA / "usr/bin/llama-server",
                          "-m", folder / "tiny.gguf", "--alias", "tiny-test", "--host", "127.0.0.1",
                          "--port", self.port, "-c", 2 * CONTEXT, "-np", 2, "-t", 1, "--slots",
                          "--context-shift", *args],
                         folder / f"llama-{self.port}.log", "/health", env)

    def busy(self):
        return any(slot["is_processing"] for slot in json.loads(self.get("/slots")))


class OllamaServer(Server):
    """With a home of its own below `folder`; `MODELS` are made there."""

    MODELS = {"say": "tiny-test", "think": "tiny-test-think", "long": "tiny-test-long", "json": "tiny-test-json"}

    def __init__(self, folder, port=None, models=True):
        self.port = port or free_port()
        env = {"HOME": str(folder), "OLLAMA_HOST": f"127.0.0.1:{self.port}", "OLLAMA_NO_CLOUD": "1",
               "OLLAMA_MODELS": str(folder / "ollama-models"), "OLLAMA_NUM_PARALLEL": "2", "OLLAMA_DEBUG": "1"}
        super().__init__([OLLAMA, "serve"], folder / f"ollama-{self.port}.log", "/api/version", env)
        if not models:
            return
        for mode, name in self.MODELS.items():
            path = folder / f"Modelfile.{mode}"
            path.write_text(tinymodel.modelfile(folder / "tiny.gguf", mode))
            subprocess.run([OLLAMA, "create", name, "-f", str(path)], env={**os.environ, **env}, check=True,
                           capture_output=True, timeout=120)

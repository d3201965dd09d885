"""An upstream that says nothing for a long time breaks no SDK: the gateway keeps the stream alive.

Scaled down: three seconds of silence, a sign of life every 0.3 s, and the Python SDKs told to give up after
one second without a byte. Slow (pytest --slow): 330 s, as the SDKs and the gateway come out of the box."""
import concurrent.futures
import time

import pytest

import sdk
import sdk_clients

MODELS = ["openai", "anthropic"]
SCENARIOS = ["quiet", "quietmid"]
PYTHON = {"anthropic": sdk_clients.Anthropic, "cohere": sdk_clients.Cohere, "genai": sdk_clients.GenAI,
          "langchain": sdk_clients.LangChain, "ollama": sdk_clients.Ollama, "openai": sdk_clients.OpenAI,
          "responses": sdk_clients.Responses}
JS = ["openai", "responses", "anthropic", "genai", "cohere", "ollama", "vercel"]
FLAGS = ("--patience-ms", "300", "--keepalive-ms", "300")


def check(got, seconds):
    sdk.no_error(got)
    assert got["text"] == sdk.TEXT["quiet"], got
    assert "took" not in got or got["took"] > seconds, got


def read_all(world, silence_ms, timeout):
    """Every SDK, model and scenario at once; they all wait together."""
    def read(name, model, scenario):
        client = PYTHON[name](world.url)
        client.client = client.open(sdk.KEY, timeout=timeout)
        begin = time.monotonic()
        got = client.streamed(model, world.asks(scenario).replace("ms=3000", f"ms={silence_ms}"))
        return {**got, "took": time.monotonic() - begin}

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        futures = {(n, m, s): pool.submit(read, n, m, s) for n in PYTHON for m in MODELS for s in SCENARIOS}
        return {key: f.result() for key, f in futures.items()}


@pytest.fixture(scope="module")
def python_results(sdk_worlds):
    return read_all(sdk_worlds.get(*FLAGS), 3000, 1.0)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", PYTHON)
def test_python(python_results, name, model, scenario):
    check(python_results[name, model, scenario], 2.9)


@pytest.mark.js
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", JS)
def test_js(sdk_worlds, name, model, scenario):
    if sdk.js_missing():
        pytest.skip(sdk.js_missing())
    check(sdk_worlds.js("silence", MODELS, *FLAGS)[model][f"{scenario}_{name}"], 2.9)


@pytest.mark.slow
def test_python_330_seconds(sdk_worlds):
    for key, got in read_all(sdk_worlds.get(), 330000, None).items():
        assert not got.get("error"), (key, got)
        check(got, 329)


@pytest.mark.slow
@pytest.mark.js
def test_js_330_seconds(sdk_worlds):
    if sdk.js_missing():
        pytest.skip(sdk.js_missing())
    world = sdk_worlds.get()
    results = sdk.run_js(world, "silence", MODELS, seconds=400, change=lambda p: p.replace("ms=3000", "ms=330000"))
    for model in MODELS:
        for name, got in results[model].items():
            assert not got.get("error"), (model, name, got)
            check(got, 329)

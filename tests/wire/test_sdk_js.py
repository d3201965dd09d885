"""The vendors' JavaScript SDKs: each script in js/ does every scenario for every model, here it is looked at.

A test is SDK-MODEL-SCENARIO; what each SDK is asked to do stands in its script."""
import pytest

import sdk
from sdk import DIALECTS

pytestmark = pytest.mark.js

SDKS = {
    "openai": DIALECTS,
    "responses": DIALECTS,
    "anthropic": DIALECTS,
    "genai": DIALECTS,
    "cohere": DIALECTS,
    "ollama": DIALECTS,
    "vercel": ["chat:openai", "chat:anthropic", "chat:gemini", "responses:responses", "responses:anthropic",
               "anthropic:anthropic", "anthropic:openai", "anthropic:ollama"],
}
COMMON = ["plain", "stream", "call", "calls", "calls_stream", "bad", "wrongkey", "midstream", "cut", "abort"]
MORE = {
    "openai": ["call_stream", "image", "json", "think", "think_stream", "retry", "silent", "models"],
    "responses": ["call_stream", "image", "json", "think", "retry", "silent"],
    "anthropic": ["call_stream", "image", "think", "think_stream", "retry", "silent", "models"],
    "genai": ["plain_beta", "call_stream", "image", "json", "think", "silent", "models"],
    "cohere": ["call_stream", "json", "think", "retry", "silent"],
    "ollama": ["plain_generate", "stream_generate", "call_stream", "image", "json", "think", "think_stream", "models"],
    "vercel": ["image", "json", "retry", "silent"],
}


def check_models(got):
    sdk.no_error(got)
    assert set(DIALECTS) <= set(got["ids"]), got


CHECKS = {
    "plain": sdk.check_plain,
    "stream": sdk.check_stream,
    "call": sdk.check_loop,
    "calls": sdk.check_parallel,
    "image": sdk.check_image,
    "json": sdk.check_json,
    "think": sdk.check_thinking,
    "bad": sdk.check_bad,
    "wrongkey": sdk.check_wrong_key,
    "retry": sdk.check_retry,
    "midstream": sdk.check_broken,
    "cut": sdk.check_broken,
    "abort": sdk.check_abort,
    "silent": sdk.check_silent_abort,
    "models": check_models,
}
WITH_WORLD = {sdk.check_image, sdk.check_retry, sdk.check_abort, sdk.check_silent_abort}


@pytest.mark.parametrize("script,model,scenario", [
    pytest.param(script, model, scenario, id=f"{script}-{model}-{scenario}")
    for script, models in SDKS.items() for model in models for scenario in COMMON + MORE[script]
    # the provider asks for JSON by a forced tool, whose arguments the mock makes up
    if (model.split(":")[0], scenario) != ("anthropic", "json")])
def test_js(sdk_worlds, script, model, scenario):
    if sdk.js_missing():
        pytest.skip(sdk.js_missing())
    world = sdk_worlds.get()
    got = sdk_worlds.js(script, SDKS[script])[model][scenario]
    check = CHECKS[scenario.split("_")[0]]
    if check in WITH_WORLD:
        check(got, world)
    else:
        check(got)

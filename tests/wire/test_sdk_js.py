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


@pytest.mark.parametrize("script,model,scenario", [
    pytest.param(script, model, scenario, id=f"{script}-{model}-{scenario}")
    for script, models in SDKS.items() for model in models for scenario in COMMON + MORE[script]
    # the provider asks for JSON by a forced tool, whose arguments the mock makes up
    if (model.split(":")[0], scenario) != ("anthropic", "json")])
def test_js(sdk_worlds, script, model, scenario):
    if sdk.js_missing():
        pytest.skip(sdk.js_missing())
    world = sdk_worlds.get()
    sdk.check(world, scenario, sdk_worlds.js(script, SDKS[script])[model][scenario])

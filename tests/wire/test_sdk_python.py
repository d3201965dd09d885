"""The vendors' Python SDKs (sdk_clients.py), each on upstreams of every dialect or several.

The openai SDK's chat completions have a file of their own: test_sdk_openai.py."""
import pytest

import sdk
import sdk_clients
from sdk import DIALECTS, FEW

SDKS = {
    "responses": (sdk_clients.Responses, DIALECTS, "call_stream image json think retry silent"),
    "anthropic": (sdk_clients.Anthropic, DIALECTS,
                  "call_stream image json think think_stream retry silent models"),
    "genai": (sdk_clients.GenAI, DIALECTS,
              "plain_beta call_stream call_automatic image json think think_stream retry silent models"),
    "cohere": (sdk_clients.Cohere, DIALECTS, "call_stream json think retry silent"),
    "ollama": (sdk_clients.Ollama, DIALECTS,
               "plain_generate stream_generate call_stream image json think think_stream silent models"),
    "langchain": (sdk_clients.LangChain, FEW, "call_stream image json retry silent"),
    "langchain-responses": (sdk_clients.LangChainResponses, FEW[:2] + ["responses"], "call_stream json retry silent"),
    "langchain-anthropic": (sdk_clients.LangChainAnthropic, FEW, "call_stream image json retry silent"),
}
# Nothing of these depends on the upstream's dialect alone: two will do.
TWICE = ("wrongkey", "retry", "silent", "models")
COMMON = ["plain", "stream", "call", "calls", "calls_stream", "bad", "wrongkey", "midstream", "cut", "abort"]


@pytest.mark.parametrize("name,model,scenario", [
    pytest.param(name, model, scenario, id=f"{name}-{model}-{scenario}")
    for name, (_, models, more) in SDKS.items() for model in models for scenario in COMMON + more.split()
    if scenario not in TWICE or model in models[:2]])
def test_python(sdk_worlds, name, model, scenario):
    world = sdk_worlds.get()
    client = sdk_worlds.client(SDKS[name][0], world)
    kind = scenario.split("_")[0]
    prompt = world.asks(kind) if kind in sdk.PROMPTS else ""
    try:
        got = getattr(client, scenario)(model, world.asks("plain") if scenario == "wrongkey" else prompt)
    except Exception as e:
        if kind not in ("bad", "wrongkey"):
            raise
        got = {"error": sdk_clients.fault(e)}
    sdk.check(world, scenario, {"prompt": prompt, **got})

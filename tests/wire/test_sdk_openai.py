"""The openai SDK for Python (chat completions) against every dialect an upstream can speak."""
import json
import threading

import openai
import pydantic
import pytest

import sdk
from sdk import DIALECTS, KEY, TEXT

pytestmark = pytest.mark.parametrize("model", DIALECTS)
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather in a city",
                                         "parameters": sdk.CITY}}


@pytest.fixture(scope="session")
def world(sdk_worlds):
    return sdk_worlds.get()


@pytest.fixture(scope="session")
def client(world):
    return openai.OpenAI(base_url=world.url + "/v1", api_key=KEY, timeout=20)


def user(text):
    return [{"role": "user", "content": text}]


def counts(usage):
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return [usage.prompt_tokens, usage.completion_tokens]


def read(stream, stop_after=None):
    """A stream as its parts say it, put together by hand as users do."""
    got = {"text": "", "thinking": "", "pieces": 0, "calls": {}, "finish": None, "usage": None, "ids": set(),
           "models": set(), "roles": []}
    try:
        for chunk in stream:
            got["ids"].add(chunk.id)
            got["models"].add(chunk.model)
            assert chunk.object == "chat.completion.chunk" and isinstance(chunk.created, int)
            if chunk.usage:
                assert got["usage"] is None and not chunk.choices
                got["usage"] = counts(chunk.usage)
            for choice in chunk.choices:
                delta = choice.delta
                if delta.role:
                    got["roles"].append(delta.role)
                if delta.content:
                    got["text"] += delta.content
                    got["pieces"] += 1
                got["thinking"] += getattr(delta, "reasoning_content", None) or ""
                for call in delta.tool_calls or []:
                    one = got["calls"].setdefault(call.index, {"id": "", "name": "", "args": "", "pieces": 0})
                    one["id"] += call.id or ""
                    one["name"] += call.function.name or ""
                    one["args"] += call.function.arguments or ""
                    one["pieces"] += 1
                if choice.finish_reason:
                    assert got["finish"] is None
                    got["finish"] = choice.finish_reason
            if got["pieces"] == stop_after:
                stream.close()
                break
    except openai.APIError as e:
        got["error"] = fault(e)
    return got


def fault(e):
    return {"name": type(e).__name__, "status": getattr(e, "status_code", None), "message": str(e)}


def results_of(calls):
    return [{"role": "tool", "tool_call_id": i, "content": f"18 degrees in {args['city']}"}
            for i, args in calls]


def test_plain(client, world, model):
    r = client.chat.completions.create(model=model, messages=user(world.asks("plain")))
    assert r.object == "chat.completion" and r.model == model and r.id
    assert r.choices[0].message.role == "assistant" and r.choices[0].message.tool_calls is None
    sdk.check_plain({"text": r.choices[0].message.content, "finish": r.choices[0].finish_reason,
                     "usage": counts(r.usage)})


def test_stream(client, world, model):
    got = read(client.chat.completions.create(model=model, messages=user(world.asks("stream")), stream=True,
                                              stream_options={"include_usage": True}))
    sdk.check_stream(got)
    assert got["usage"] and got["models"] == {model} and len(got["ids"]) == 1 and got["roles"] == ["assistant"]


def test_stream_without_usage(client, world, model):
    got = read(client.chat.completions.create(model=model, messages=user(world.asks("stream")), stream=True))
    sdk.check_stream(got)
    assert got["usage"] is None


def test_cached_and_reasoning_tokens(client, world, model):
    r = client.chat.completions.create(model=model, messages=user(world.asks("think")))
    if model not in ("ollama", "cohere"):  # they do not count these
        assert r.usage.prompt_tokens_details.cached_tokens == 4
    if model in ("openai", "gemini", "responses"):
        assert r.usage.completion_tokens_details.reasoning_tokens == 7


def test_system_and_turns(client, world, model):
    prompt = world.asks("plain")
    r = client.chat.completions.create(model=model, max_completion_tokens=50, temperature=0.5, messages=[
        {"role": "system", "content": "Be brief-77."}, {"role": "user", "content": "One-78?"},
        {"role": "assistant", "content": "Yes-79."}, {"role": "user", "content": prompt}])
    assert r.choices[0].message.content == TEXT["plain"]
    body = json.dumps(world.sent(prompt)[0]["body"])
    assert all(part in body for part in ("Be brief-77.", "One-78?", "Yes-79.")) and "50" in body


@pytest.mark.parametrize("prompt,check", [("call", sdk.check_loop), ("calls", sdk.check_parallel)])
def test_tools(client, world, model, prompt, check):
    messages = user(world.asks(prompt))
    r = client.chat.completions.create(model=model, messages=messages, tools=[TOOL])
    message = r.choices[0].message
    assert r.choices[0].finish_reason == "tool_calls" and all(c.type == "function" for c in message.tool_calls)
    calls = [(c.id, json.loads(c.function.arguments)) for c in message.tool_calls]
    messages += [message, *results_of(calls)]
    r = client.chat.completions.create(model=model, messages=messages, tools=[TOOL])
    check({"calls": [[c.function.name, json.loads(c.function.arguments)] for c in message.tool_calls],
           "ids": [i for i, _ in calls], "text": r.choices[0].message.content})


@pytest.mark.parametrize("prompt,check", [("call", sdk.check_loop), ("calls", sdk.check_parallel)])
def test_streamed_tools(client, world, model, prompt, check):
    messages = user(world.asks(prompt))
    ask = {"model": model, "tools": [TOOL], "stream": True}
    got = read(client.chat.completions.create(messages=messages, **ask))
    assert got["finish"] == "tool_calls" and sorted(got["calls"]) == list(range(len(got["calls"])))
    calls = [got["calls"][i] for i in sorted(got["calls"])]
    if model not in ("gemini", "ollama"):  # they send a call as a whole
        assert all(c["pieces"] > 2 for c in calls), calls
    messages += [{"role": "assistant", "content": got["text"] or None,
                  "tool_calls": [{"id": c["id"], "type": "function",
                                  "function": {"name": c["name"], "arguments": c["args"]}} for c in calls]},
                 *results_of([(c["id"], json.loads(c["args"])) for c in calls])]
    end = read(client.chat.completions.create(messages=messages, **ask))
    check({"calls": [[c["name"], json.loads(c["args"])] for c in calls], "ids": [c["id"] for c in calls],
           "text": end["text"]})


def test_stream_helper(client, world, model):
    """client.chat.completions.stream keeps its own account of the answer and checks the order."""
    with client.chat.completions.stream(model=model, messages=user(world.asks("calls")),
                                        tools=[openai.pydantic_function_tool(City, name="get_weather")]) as s:
        done = [e for e in s if e.type == "tool_calls.function.arguments.done"]
        final = s.get_final_completion()
    assert [e.parsed_arguments.city for e in done] == ["Paris", "Rome"]
    assert [c.function.parsed_arguments.city for c in final.choices[0].message.tool_calls] == ["Paris", "Rome"]


def test_required_tool(client, world, model):
    if model == "ollama":
        pytest.skip("Ollama has no tool choice")
    prompt = world.asks("plain").replace("say=", "said ")
    r = client.chat.completions.create(model=model, messages=user(prompt), tools=[TOOL],
                                       tool_choice="required")
    assert [c.function.name for c in r.choices[0].message.tool_calls] == ["get_weather"]


def test_image(client, world, model):
    prompt = world.asks("image")
    r = client.chat.completions.create(model=model, messages=user([
        {"type": "text", "text": prompt},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + sdk.PNG}}]))
    sdk.check_image({"text": r.choices[0].message.content, "prompt": prompt}, world)


class City(pydantic.BaseModel):
    city: str


class Weather(pydantic.BaseModel):
    city: str
    temp: int


def test_json_schema(client, world, model):
    r = client.chat.completions.create(model=model, messages=user(world.asks("json")), response_format={
        "type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": sdk.WEATHER}})
    sdk.check_json({"value": json.loads(r.choices[0].message.content)})
    assert r.choices[0].finish_reason == "stop"


def test_parse(client, world, model):
    r = client.chat.completions.parse(model=model, messages=user(world.asks("json")), response_format=Weather)
    assert r.choices[0].message.parsed == Weather(city="Paris", temp=21)


def test_json_stream(client, world, model):
    with client.chat.completions.stream(model=model, messages=user(world.asks("json")),
                                        response_format=Weather) as s:
        assert s.get_final_completion().choices[0].message.parsed == Weather(city="Paris", temp=21)


def test_reasoning(client, world, model):
    message = client.chat.completions.create(model=model, messages=user(world.asks("think")),
                                             reasoning_effort="low").choices[0].message
    sdk.check_thinking({"text": message.content, "thinking": message.reasoning_content})


def test_reasoning_stream(client, world, model):
    sdk.check_thinking(read(client.chat.completions.create(model=model, messages=user(world.asks("think")),
                                                           stream=True, reasoning_effort="low")))


def test_bad_request(client, world, model):
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(model=model, messages=user(world.asks("bad")))
    sdk.check_bad({"error": fault(e.value)})
    assert TEXT["bad"] in e.value.body["message"] and e.value.request_id


def test_bad_request_of_a_stream(client, world, model):
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(model=model, messages=user(world.asks("bad")), stream=True)
    sdk.check_bad({"error": fault(e.value)})


def test_wrong_key(world, model):
    client = openai.OpenAI(base_url=world.url + "/v1", api_key="sk-wrong")
    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model=model, messages=user("hi"))


@pytest.mark.parametrize("stream", [False, True])
def test_retry(client, world, model, stream):
    prompt = world.asks("retry")
    r = client.chat.completions.create(model=model, messages=user(prompt), stream=stream)
    text = read(r)["text"] if stream else r.choices[0].message.content
    sdk.check_retry({"text": text, "prompt": prompt}, world)


def test_rate_limit_without_retry(client, world, model):
    with pytest.raises(openai.RateLimitError) as e:
        client.with_options(max_retries=0).chat.completions.create(model=model,
                                                                   messages=user(world.asks("retry")))
    assert e.value.response.headers["retry-after"] == "1"


@pytest.mark.parametrize("scenario", ["midstream", "cut"])
def test_broken_stream(client, world, model, scenario):
    got = read(client.chat.completions.create(model=model, messages=user(world.asks(scenario)), stream=True))
    sdk.check_broken(got)


def test_abort(client, world, model):
    prompt = world.asks("abort")
    got = read(client.chat.completions.create(model=model, messages=user(prompt), stream=True), stop_after=2)
    sdk.check_abort({**got, "prompt": prompt}, world)


@pytest.mark.parametrize("stream", [False, True])
def test_abort_in_silence(world, model, stream):
    prompt = world.asks("silent")
    client = openai.OpenAI(base_url=world.url + "/v1", api_key=KEY, max_retries=0, timeout=0.5)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model=model, messages=user(prompt), stream=stream)
    assert world.cancelled(prompt)


def test_models(client, model):
    listed = [m.id for m in client.models.list()]
    assert model in listed
    one = client.models.retrieve(model)
    assert one.id == model and one.object == "model" and one.owned_by


def test_unknown_model(client, model):
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(model=model + "-none", messages=user("hi"))
    assert model + "-none" in str(e.value)


def test_many_at_once(client, world, model):
    """Several threads on one client: its pool of connections is used over and over."""
    texts = []

    def ask():
        for _ in range(5):
            r = client.chat.completions.create(model=model, messages=user(world.asks("plain")))
            texts.append(r.choices[0].message.content)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert texts == [TEXT["plain"]] * 20

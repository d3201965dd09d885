"""The table of scenarios: what is asked, what the model answers, what is asked then."""
from dataclasses import dataclass, field

from neutral import LINKED as PNG, answer, assistant, call, conversation, image, linked, system, text, think, user

WEATHER = {"name": "get_weather", "description": "The weather of a city",
           "schema": {"type": "object", "properties": {"city": {"type": "string", "description": "its name"},
                                                       "days": {"type": "integer"}}, "required": ["city"]}}
CLOCK = {"name": "what_time", "description": "The time", "schema": {"type": "object", "properties": {}}}
PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
          "required": ["name", "age"], "additionalProperties": False}

ZURICH = call("call_a1", "get_weather", {"city": "Zürich", "days": 2})
OSLO = call("call_b2", "get_weather", {"city": "Oslo \"north\"\n"})
NOW = call("call_d4", "what_time", {})
BYTES = 'Zürich 東京 \U0001f600 "quoted" \\ \t\n\x00\x01 \u2028 </script>'
# $defs, $ref, null beside a type, anyOf, limits: what some vendors take and others refuse.
ROUTE = {"type": "object", "$defs": {"place": {"type": "object", "properties": {"city": {"type": "string"}},
                                               "required": ["city"], "additionalProperties": False}},
         "properties": {"from": {"$ref": "#/$defs/place"}, "to": {"$ref": "#/$defs/place"},
                        "via": {"type": ["string", "null"], "description": "a stop"},
                        "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "integer", "minimum": 0}]},
                        "class": {"const": "second"}, "ids": {"type": "array", "items": {"type": "integer"}, "maxItems": 3}},
         "required": ["from", "to"], "additionalProperties": False}
TRAIN = {"name": "find_train", "description": "Trains", "schema": ROUTE}
HELLO = "Hello, wörld \U0001f30d, this comes in pieces."


@dataclass
class Scenario:
    name: str
    title: str
    ask: dict
    says: dict
    results: list = None        # what the called tools give; then comes a second request
    says_then: dict = None
    modes: tuple = (False, True)  # whole, streamed
    only: str = None            # these facets of the request alone: the rest is each vendor's own way
    reverse: bool = False       # results come in the reverse order of their calls
    attach: tuple = ()          # pictures in the first result


@dataclass
class Fault:
    name: str
    title: str
    kind: str                   # error, broken, cut, gone, silence
    status: int = 0
    modes: tuple = field(default=(False, True))


def ask(*turns, **more):
    return conversation(*(turns or (user("Hi"),)), **more)


SCENARIOS = [
    Scenario("text", "text", ask(), answer(HELLO)),
    Scenario("system", "system prompt", ask(user("Hi"), system="Be brief.\nBe kind."), answer("Yes.")),
    Scenario("multi_turn", "several turns",
             ask(user("One"), assistant("Two"), user("Three"), assistant("Four"), user("Five"), system="Count."),
             answer("Six")),
    Scenario("limits", "max_tokens", ask(max_tokens=333), answer("Yes.")),
    Scenario("tool_loop", "a tool loop", ask(user("Weather?"), tools=[WEATHER, CLOCK]), answer(ZURICH, finish="tool"),
             ['{"temp": 7}'], answer("7 degrees")),
    Scenario("parallel", "two parallel calls", ask(user("Weather?"), tools=[WEATHER]),
             answer(ZURICH, OSLO, finish="tool"), ["7 degrees", "-3 degrees"], answer("7 and -3")),
    Scenario("interleaved", "arguments of two calls interleaved", ask(user("Weather?"), tools=[WEATHER]),
             {**answer(ZURICH, OSLO, finish="tool"), "interleave": True}, ["7", "-3"], answer("7 and -3"), modes=(True,)),
    Scenario("text_then_call", "text before a call", ask(user("Weather?"), tools=[WEATHER]),
             answer("Let me look.", ZURICH, finish="tool"), ["7"], answer("7 degrees")),
    Scenario("no_arguments", "a call without arguments", ask(user("Time?"), tools=[CLOCK]),
             answer(call("call_c3", "what_time", {}), finish="tool"), ["12:00"], answer("Noon")),
    Scenario("tool_choice_required", "tool choice: required", ask(user("Go"), tools=[WEATHER, CLOCK], choice="required"),
             answer(ZURICH, finish="tool")),
    Scenario("tool_choice_named", "tool choice: one tool",
             ask(user("Go"), tools=[WEATHER, CLOCK], choice=("named", "get_weather")), answer(ZURICH, finish="tool")),
    Scenario("tool_choice_none", "tool choice: none", ask(user("Go"), tools=[WEATHER, CLOCK], choice="none"),
             answer("No tool")),
    Scenario("image", "an image", ask(user(text("What is this?"), image("image/png", PNG))), answer("A dot")),
    Scenario("structured", "structured output", ask(user("Who?"), schema=PERSON), answer('{"name":"Ada","age":36}')),
    Scenario("reasoning", "reasoning", ask(user("Why?"), reasoning=True, max_tokens=8000),
             answer(think("First, I think."), "Because.")),
    Scenario("reasoning_loop", "reasoning with its signature through a tool loop",
             ask(user("Weather?"), tools=[WEATHER], reasoning=True, max_tokens=8000),
             answer(think("I need the weather."), ZURICH, finish="tool"), ["7"], answer("7 degrees")),
    Scenario("stop_sequence", "stop sequence", ask(stop=["END", "###"]),
             {**answer("Before", stop_sequence="END"), "by_stop": True}),
    Scenario("length", "stop reason: length", ask(max_tokens=16), answer("Cut off in the", finish="length")),
    Scenario("blocked", "refused or blocked", ask(user("Bad")), answer("I can", finish="filter")),
    Scenario("refusal", "a refusal in words", ask(user("Bad")), answer({"t": "refusal", "text": "I will not do that."})),
    Scenario("usage", "usage, cached and reasoning tokens", ask(),
             answer("Counted.", usage={"prompt": 120, "completion": 45, "cached": 64, "reasoning": 20})),
    Scenario("odd_text", "text of any characters", ask(user(BYTES), assistant(BYTES), user(BYTES), system=BYTES),
             answer(BYTES)),
    Scenario("odd_arguments", "arguments of any characters", ask(user("Go"), tools=[WEATHER]),
             answer(call("call_e5", "get_weather", {"city": BYTES}), finish="tool"), [BYTES], answer("Done")),
    Scenario("system_middle", "a system message in the middle",
             ask(user("One"), assistant("Two"), system("Now in French."), user("Three"), system="Count."), answer("Trois")),
    Scenario("developer", "the developer role", ask(user("Hi"), system="Be brief.", developer=True), answer("Yes.")),
    Scenario("empty_assistant", "an empty assistant turn", ask(user("One"), assistant(""), user("Two")), answer("Yes.")),
    Scenario("results_reversed", "results in another order than their calls", ask(user("Go"), tools=[WEATHER, CLOCK]),
             answer(ZURICH, NOW, finish="tool"), ["7 degrees", "12:00"], answer("7 at noon"), reverse=True),
    Scenario("result_image", "an image in a tool's result", ask(user("Go"), tools=[WEATHER]), answer(ZURICH, finish="tool"),
             ["the map"], answer("I see"), only="images results", attach=(image("image/png", PNG),)),
    Scenario("image_link", "an image by its address", ask(user(text("What is this?"), linked(None))), answer("A dot"),
             only="images"),
    Scenario("one_call", "one call at a time", ask(user("Weather?"), tools=[WEATHER], parallel=False),
             answer(ZURICH, finish="tool")),
    Scenario("schema_tool", "a tool whose schema has $ref, anyOf, const and limits", ask(user("Go"), tools=[TRAIN]),
             answer(call("call_f6", "find_train", {"from": {"city": "Bern"}, "to": {"city": "Oslo"}}), finish="tool"),
             ["12:02"], answer("At 12:02"), only="turns stream"),
    Scenario("json_object", "JSON of any shape", ask(user("Who? Answer in JSON."), json=True), answer('{"name":"Ada"}')),
    Scenario("n", "two alternatives", ask(n=2), answer("First.", others=["Second."])),
    Scenario("logprobs", "log probabilities", ask(logprobs=True),
             answer("Hi there", logprobs=[("Hi", -0.25), (" there", -1.5)])),
    Scenario("citations", "sources that the answer cites", ask(user("Who?")),
             answer("Ada wrote it.", sources=["https://example.com/ada"])),
    Scenario("cache_marks", "prompt cache marks", ask(user("Hi"), system="A long prompt.", marks=True), answer("Yes.")),
    Scenario("cache_written", "usage: tokens written to the prompt cache", ask(),
             answer("Counted.", usage={"prompt": 150, "completion": 7, "cached": 64, "written": 50})),
    Scenario("user_id", "the end user's id", ask(user="user-17"), answer("Yes.")),
    Scenario("array_stream", "Gemini's stream as one array", ask(user("Hi"), form="array"), answer(HELLO), modes=(True,)),
    Scenario("generate", "Ollama's /api/generate", ask(user("Hi"), system="Be brief.", form="generate"), answer(HELLO)),
    *[Fault(f"error_{s}", f"error {s} before the stream", "error", s) for s in (400, 401, 404, 429, 500, 529)],
    Fault("error_mid_stream", "error in mid-stream", "broken", modes=(True,)),
    Fault("cut_off", "upstream cut off", "cut"),
    Fault("cut_tidy", "upstream ends tidily, without its end mark", "tidy", modes=(True,)),
    Fault("client_gone", "client gone", "gone"),
    Fault("silence", "silence", "silence", modes=(True,)),
]

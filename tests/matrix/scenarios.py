"""The table of scenarios: what is asked, what the model answers, what is asked then."""
from dataclasses import dataclass, field

from neutral import answer, assistant, call, conversation, image, text, think, user

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

WEATHER = {"name": "get_weather", "description": "The weather of a city",
           "schema": {"type": "object", "properties": {"city": {"type": "string", "description": "its name"},
                                                       "days": {"type": "integer"}}, "required": ["city"]}}
CLOCK = {"name": "what_time", "description": "The time", "schema": {"type": "object", "properties": {}}}
PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
          "required": ["name", "age"], "additionalProperties": False}

ZURICH = call("call_a1", "get_weather", {"city": "Zürich", "days": 2})
OSLO = call("call_b2", "get_weather", {"city": "Oslo \"north\"\n"})
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
    *[Fault(f"error_{s}", f"error {s} before the stream", "error", s) for s in (400, 401, 404, 429, 500, 529)],
    Fault("error_mid_stream", "error in mid-stream", "broken", modes=(True,)),
    Fault("cut_off", "upstream cut off", "cut"),
    Fault("cut_tidy", "upstream ends tidily, without its end mark", "tidy", modes=(True,)),
    Fault("client_gone", "client gone", "gone"),
    Fault("silence", "silence", "silence", modes=(True,)),
]

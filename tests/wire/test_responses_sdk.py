"""What the official SDKs make of a translated Responses stream, event by event: the same response as the last event
has. The answers hold everything at once that upstreams stream."""
import json
import subprocess
from pathlib import Path

import openai
import pytest
import sdk
from conftest import config_of, http_chunk, model, stream_head
from pydantic import BaseModel

TOOLS = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False},
         {"type": "custom", "name": "patch"},
         {"type": "namespace", "name": "docs", "description": "d", "tools": [
             {"type": "function", "name": "find", "parameters": {"type": "object", "properties": {}}, "strict": False}]}]


def chat_stream():
    def part(delta, finish=None, **more):
        return "data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "u", **more,
                                      "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}) + "\n\n"

    def call(i, name=None, args=""):
        function = {"arguments": args, **({"name": name} if name else {})}
        return {"tool_calls": [{"index": i, "function": function,
                                **({"id": f"call_{i}", "type": "function"} if name else {})}]}
    note = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 5, "title": "T", "url": "https://t"}}
    return [part({"role": "assistant", "content": ""}), part({"reasoning_content": "Let me "}),
            part({"reasoning_content": "think."}), part({"content": "Hello \"wörld\"\n"}),
            part({"annotations": [note]}), part({"content": "and \U0001f600 more"}),
            part(call(0, "look")), part(call(0, None, "{\"a\":")), part(call(1, "patch")), part(call(0, None, "1}")),
            part(call(1, None, "{\"input\":\"a\\nb\"}")), part(call(2, "docs__find")), part({}, "tool_calls"),
            "data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "u", "choices": [],
                                   "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12,
                                             "completion_tokens_details": {"reasoning_tokens": 2}}}) + "\n\n",
            "data: [DONE]\n\n"]


def anthropic_stream():
    def ev(kind, **more):
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"

    def block(i, content, *deltas):
        return [ev("content_block_start", index=i, content_block=content),
                *[ev("content_block_delta", index=i, delta=d) for d in deltas], ev("content_block_stop", index=i)]
    return [ev("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "model": "u", "content": [],
                                         "stop_reason": None, "usage": {"input_tokens": 5, "output_tokens": 1}}),
            *block(0, {"type": "thinking", "thinking": "", "signature": ""},
                   {"type": "thinking_delta", "thinking": "Let me think."}, {"type": "signature_delta", "signature": "SIG"}),
            *block(1, {"type": "redacted_thinking", "data": "RED"}),
            *block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hello "},
                   {"type": "text_delta", "text": "there"}),
            *block(3, {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
                   {"type": "input_json_delta", "partial_json": "{\"a\":1}"}),
            *block(4, {"type": "tool_use", "id": "toolu_2", "name": "patch", "input": {}},
                   {"type": "input_json_delta", "partial_json": "{\"input\":\"x\"}"}),
            ev("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 9}),
            ev("message_stop")]


def gemini_stream():
    def ev(parts, **more):
        return "data: " + json.dumps({"candidates": [{"content": {"role": "model", "parts": parts}, **more}],
                                      "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7,
                                                        "totalTokenCount": 12}}) + "\r\n\r\n"
    return [ev([{"text": "Let me think.", "thought": True}]), ev([{"text": "Hello "}]),
            ev([{"text": "there", "thoughtSignature": "U0lH"}]),
            ev([{"functionCall": {"name": "look", "args": {"a": 1}}, "thoughtSignature": "U0lHMg=="}]),
            ev([{"functionCall": {"name": "docs__find", "args": {}}}], finishReason="STOP")]


STREAMS = {"chat": ("openai/u", chat_stream), "anthropic": ("anthropic/claude-sonnet-4-5", anthropic_stream),
           "gemini": ("gemini/gemini-3-pro", gemini_stream)}


def text_stream(text, finish="stop"):
    def part(delta, how=None):
        return "data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "u", "choices": [
            {"index": 0, "delta": delta, "finish_reason": how}]}) + "\n\n"
    return [part({"role": "assistant", "content": text[:3]}), part({"content": text[3:]}), part({}, finish),
            "data: [DONE]\n\n"]


def world(gateway, upstream, name, pieces):
    up = upstream(lambda conn, req: conn.sendall(
        stream_head() + b"".join(http_chunk(p) for p in pieces) + b"0\r\n\r\n"))
    base = up.base if name.startswith("openai/") else up.base[:-3]
    g = gateway(config_of(model("m", base, model=name)))
    return g, openai.OpenAI(base_url=g.url + "/v1", api_key="sk-x", max_retries=0)


def said(output):
    """What the SDK gathers from deltas: texts and arguments."""
    return [(i.type, i.id, [p.text for p in i.content] if i.type == "message" else
             i.arguments if i.type == "function_call" else None) for i in output]


def plain(item):
    """As it was on the wire, without what the SDK adds when it parses, or knows to be absent."""
    item = item.to_dict(warnings=False) if hasattr(item, "to_dict") else item
    if isinstance(item, list):
        return [plain(i) for i in item]
    if isinstance(item, dict):
        return {k: plain(v) for k, v in item.items() if not k.startswith("parsed") and v is not None}
    return item


@pytest.mark.parametrize("kind", list(STREAMS))
def test_python_accumulates_what_the_last_event_says(gateway, upstream, kind):
    name, pieces = STREAMS[kind]
    _, client = world(gateway, upstream, name, pieces())
    with client.responses.stream(model="m", input="q", tools=TOOLS, reasoning={"effort": "low", "summary": "auto"}) as s:
        before, seen = None, []
        for event in s:
            seen.append(event.type)
            if event.type == "response.completed":
                break
            before = said(s._state._ResponseStreamState__current_snapshot.output)
            done = [s._state._completed_output[i] for i in sorted(s._state._completed_output)]
        final = s.get_final_response()
    assert before == said(final.output) and final.output_text.startswith("Hello ")
    assert [plain(item) for item in done] == [plain(item) for item in final.output]
    calls = [(i.type, i.name) for i in final.output if i.type.endswith("_call")]
    want = [("function_call", "look"), ("custom_tool_call", "patch"), ("function_call", "find")]
    assert calls == [c for c in want if kind == "chat" or c[1] != ("find" if kind == "anthropic" else "patch")]
    assert final.output[0].type == "reasoning" and "think." in final.output[0].summary[0].text
    if kind == "chat":
        assert final.output[1].content[0].annotations[0].url == "https://t"
        assert "response.output_text.annotation.added" in seen and final.usage.output_tokens_details.reasoning_tokens == 2
    assert seen.count("response.output_item.added") == seen.count("response.output_item.done") == len(final.output)


def test_python_parses_structured_answers(gateway, upstream):
    class Weather(BaseModel):
        city: str
        degrees: int
    _, client = world(gateway, upstream, "openai/u", text_stream('{"city":"Rome","degrees":21}'))
    with client.responses.stream(model="m", input="q", text_format=Weather) as s:
        final = s.get_final_response()
    assert final.output_parsed == Weather(city="Rome", degrees=21)
    r = client.responses.create(model="m", input="q", stream=True, text={"format": {
        "type": "json_schema", "name": "w", "schema": Weather.model_json_schema(), "strict": True}})
    done = [e for e in r][-1]
    assert done.response.text.format.name == "w"


@pytest.mark.parametrize("finish,kind,reason", [("length", "response.incomplete", "max_output_tokens"),
                                                ("content_filter", "response.incomplete", "content_filter")])
def test_python_sees_what_is_incomplete(gateway, upstream, finish, kind, reason):
    _, client = world(gateway, upstream, "openai/u", text_stream("Hello", finish))
    events = list(client.responses.create(model="m", input="q", stream=True))
    assert events[-1].type == kind and events[-1].response.incomplete_details.reason == reason
    assert events[-1].response.output[0].content[0].text == "Hello" and events[-1].response.status == "incomplete"


def test_python_gets_refusals_in_their_own_events(gateway, upstream):
    pieces = text_stream("Hello")
    pieces[0] = pieces[0].replace('"content": "Hel"', '"refusal": "I "')
    pieces[1] = pieces[1].replace('"content": "lo"', '"refusal": "won\'t"')
    _, client = world(gateway, upstream, "openai/u", pieces)
    with client.responses.stream(model="m", input="q") as s:
        kinds = [e.type for e in s]
        final = s.get_final_response()
    assert kinds.count("response.refusal.delta") == 2 and "response.refusal.done" in kinds
    assert plain(final.output[0].content) == [{"type": "refusal", "refusal": "I won't"}]


SCRIPT = """
import OpenAI from 'openai';
const client = new OpenAI({ baseURL: process.argv[2] + '/v1', apiKey: 'sk-x', maxRetries: 0 });
const stream = client.responses.stream({ model: 'm', input: 'q', tools: JSON.parse(process.argv[3]) });
let last;
stream.on('response.completed', (event) => { last = event.response; });
const final = await stream.finalResponse();
console.log(JSON.stringify({ last: last.output, final: final.output, text: final.output_text }));
"""


@pytest.mark.js
@pytest.mark.parametrize("kind", list(STREAMS))
def test_javascript_accumulates_the_same(gateway, upstream, kind):
    if sdk.js_missing():
        pytest.skip(sdk.js_missing())
    name, pieces = STREAMS[kind]
    g, _ = world(gateway, upstream, name, pieces())
    where = Path(__file__).parent / "js"
    r = subprocess.run(["node", "--input-type=module", "-", g.url, json.dumps(TOOLS)], input=SCRIPT, cwd=where,
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    got = json.loads(r.stdout)
    assert [i["id"] for i in got["final"]] == [i["id"] for i in got["last"]] and got["text"].startswith("Hello ")

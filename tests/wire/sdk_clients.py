"""The vendors' Python SDKs behind one face, for test_sdk_python.py.

Each class opens a client as its users do and has a method a scenario, which takes a model and a prompt and
reports in the form that the checks of sdk.py know. What an SDK raises is reported as {"error": ...}.
"""
import base64
import json
import time

import pydantic

import sdk
from sdk import CITY, KEY, WEATHER

DESCRIPTION = "The weather in a city"
FUNCTION = {"type": "function", "function": {"name": "get_weather", "description": DESCRIPTION, "parameters": CITY}}


class Weather(pydantic.BaseModel):
    city: str
    temp: int


def degrees(args):
    return f"18 degrees in {args['city']}"


def fault(e):
    status = getattr(e, "status_code", None) or getattr(e, "code", None)
    return {"name": type(e).__name__, "status": status if isinstance(status, int) else None, "message": str(e)}


def collect(open_stream, each, stop_after=None):
    """Text and pieces of a stream; `each(part, got)` gives the text in a part. What it raises stands beside
    what came before."""
    got = {"text": "", "pieces": 0, "thinking": ""}
    try:
        stream = open_stream()
        for part in stream:
            text = each(part, got)
            if text:
                got["text"] += text
                got["pieces"] += 1
            if got["pieces"] == stop_after:
                break
        if stop_after:
            stream.close()
    except Exception as e:
        got["error"] = fault(e)
    return got


class Base:
    def __init__(self, url):
        self.url = url
        self.client = self.open(KEY)

    def wrongkey(self, model, prompt):
        other = type(self)(self.url)
        other.client = self.open("sk-wrong")
        return other.plain(model, prompt)

    def stream(self, model, prompt):
        return self.streamed(model, prompt)

    def midstream(self, model, prompt):
        return self.streamed(model, prompt)

    def cut(self, model, prompt):
        return self.streamed(model, prompt)

    def abort(self, model, prompt):
        return self.streamed(model, prompt, stop_after=2)

    def bad(self, model, prompt):
        return self.plain(model, prompt)

    def retry(self, model, prompt):
        return self.plain(model, prompt)

    def calls(self, model, prompt):
        return self.call(model, prompt)

    def calls_stream(self, model, prompt):
        return self.call_stream(model, prompt)

    def silent(self, model, prompt):
        other = type(self)(self.url)
        other.client = self.open(KEY, timeout=0.5)
        begin = time.monotonic()
        try:
            other.plain(model, prompt)
        except Exception as e:
            return {"seconds": time.monotonic() - begin, "raised": fault(e)}
        raise AssertionError("no timeout")


class OpenAI(Base):
    """Only what test_sdk_silence.py needs: the rest stands in test_sdk_openai.py."""

    def open(self, key, timeout=None):
        import openai
        more = {"timeout": timeout, "max_retries": 0} if timeout else {}
        return openai.OpenAI(base_url=self.url + "/v1", api_key=key, **more)

    def streamed(self, model, prompt, stop_after=None):
        messages = [{"role": "user", "content": prompt}]
        return collect(lambda: self.client.chat.completions.create(model=model, messages=messages, stream=True),
                       lambda c, got: c.choices and c.choices[0].delta.content, stop_after)


class Responses(Base):
    def open(self, key, timeout=None):
        import openai
        more = {"timeout": timeout, "max_retries": 0} if timeout else {}
        return openai.OpenAI(base_url=self.url + "/v1", api_key=key, **more)

    TOOL = {"type": "function", "name": "get_weather", "description": DESCRIPTION, "parameters": CITY, "strict": True}

    def plain(self, model, prompt):
        r = self.client.responses.create(model=model, input=prompt, instructions="Be brief.")
        return {"text": r.output_text, "finish": r.status, "usage": [r.usage.input_tokens, r.usage.output_tokens]}

    def streamed(self, model, prompt, stop_after=None):
        def each(ev, got):
            assert ev.sequence_number == got.get("number", -1) + 1, ev
            got["number"] = ev.sequence_number
            if ev.type == "response.completed":
                got["finish"] = ev.response.status
                got["usage"] = [ev.response.usage.input_tokens, ev.response.usage.output_tokens]
                assert ev.response.output_text == got["text"]
            if ev.type == "keepalive":
                got["kept"] = True
            if ev.type == "response.failed":
                raise RuntimeError(ev.response.error.message)
            return ev.delta if ev.type == "response.output_text.delta" else ""
        return collect(lambda: self.client.responses.create(model=model, input=prompt, stream=True), each, stop_after)

    def finish_loop(self, model, messages, output):
        calls = [o for o in output if o.type == "function_call"]
        messages += list(output)
        messages += [{"type": "function_call_output", "call_id": c.call_id, "output": degrees(json.loads(c.arguments))}
                     for c in calls]
        r = self.client.responses.create(model=model, input=messages, tools=[self.TOOL])
        return {"calls": [[c.name, json.loads(c.arguments)] for c in calls], "ids": [c.call_id for c in calls],
                "text": r.output_text}

    def call(self, model, prompt):
        messages = [{"role": "user", "content": prompt}]
        return self.finish_loop(model, messages, self.client.responses.create(
            model=model, input=messages, tools=[self.TOOL]).output)

    def call_stream(self, model, prompt):
        messages = [{"role": "user", "content": prompt}]
        with self.client.responses.stream(model=model, input=messages, tools=[self.TOOL]) as stream:
            return self.finish_loop(model, messages, stream.get_final_response().output)

    def image(self, model, prompt):
        return {"text": self.client.responses.create(model=model, input=[{"role": "user", "content": [
            {"type": "input_text", "text": prompt},
            {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64," + sdk.PNG}]}]).output_text}

    def json(self, model, prompt):
        r = self.client.responses.parse(model=model, input=prompt, text_format=Weather)
        return {"value": r.output_parsed.model_dump()}

    def think(self, model, prompt):
        r = self.client.responses.create(model=model, input=prompt, reasoning={"effort": "low", "summary": "auto"})
        return {"text": r.output_text,
                "thinking": "".join(s.text for o in r.output if o.type == "reasoning" for s in o.summary)}


class Anthropic(Base):
    def open(self, key, timeout=None):
        import anthropic
        more = {"timeout": timeout, "max_retries": 0} if timeout else {}
        return anthropic.Anthropic(base_url=self.url, api_key=key, **more)

    TOOL = {"name": "get_weather", "description": DESCRIPTION, "input_schema": CITY}

    def create(self, model, messages, **more):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.client.messages.create(**{"model": model, "max_tokens": 1000, "messages": messages, **more})

    @staticmethod
    def text(r):
        return "".join(b.text for b in r.content if b.type == "text")

    @staticmethod
    def usage(u):
        return [u.input_tokens + (u.cache_read_input_tokens or 0) + (u.cache_creation_input_tokens or 0),
                u.output_tokens]

    def plain(self, model, prompt):
        r = self.create(model, prompt, system="Be brief.")
        assert r.type == "message" and r.role == "assistant" and r.model == model
        return {"text": self.text(r), "finish": r.stop_reason, "usage": self.usage(r.usage)}

    def streamed(self, model, prompt, stop_after=None, **more):
        def each(ev, got):
            if ev.type == "message_delta":
                got["finish"] = ev.delta.stop_reason
            if ev.type == "content_block_delta" and ev.delta.type == "thinking_delta":
                got["thinking"] += ev.delta.thinking
            return ev.delta.text if ev.type == "content_block_delta" and ev.delta.type == "text_delta" else ""
        return collect(lambda: self.create(model, prompt, stream=True, **more), each, stop_after)

    def finish_loop(self, model, messages, first):
        assert first.stop_reason == "tool_use"
        calls = [b for b in first.content if b.type == "tool_use"]
        messages += [{"role": "assistant", "content": first.content},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": c.id,
                                                   "content": degrees(c.input)} for c in calls]}]
        return {"calls": [[c.name, c.input] for c in calls], "ids": [c.id for c in calls],
                "text": self.text(self.create(model, messages, tools=[self.TOOL]))}

    def call(self, model, prompt):
        messages = [{"role": "user", "content": prompt}]
        return self.finish_loop(model, messages, self.create(model, messages, tools=[self.TOOL]))

    def call_stream(self, model, prompt):
        messages = [{"role": "user", "content": prompt}]
        with self.client.messages.stream(model=model, max_tokens=1000, messages=messages, tools=[self.TOOL]) as s:
            return self.finish_loop(model, messages, s.get_final_message())

    def image(self, model, prompt):
        return {"text": self.text(self.create(model, [{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": sdk.PNG}},
            {"type": "text", "text": prompt}]}]))}

    def json(self, model, prompt):
        r = self.client.messages.parse(model=model, max_tokens=1000, messages=[{"role": "user", "content": prompt}],
                                       output_format=Weather)
        return {"value": r.parsed_output.model_dump()}

    THINKING = {"type": "enabled", "budget_tokens": 1024}

    def think(self, model, prompt):
        r = self.create(model, prompt, thinking=self.THINKING, max_tokens=4000)
        return {"text": self.text(r), "thinking": "".join(b.thinking for b in r.content if b.type == "thinking")}

    def think_stream(self, model, prompt):
        return self.streamed(model, prompt, thinking=self.THINKING, max_tokens=4000)

    def models(self, model, prompt):
        return {"ids": [m.id for m in self.client.models.list()]}


class GenAI(Base):
    version = None  # the SDK's own

    def open(self, key, timeout=None):
        from google import genai
        options = {"base_url": self.url, "retry_options": {"attempts": 1 if timeout else 3}}
        if timeout:
            options["timeout"] = int(timeout * 1000)
        if self.version:
            options["api_version"] = self.version
        return genai.Client(api_key=key, http_options=options)

    TOOLS = [{"function_declarations": [{"name": "get_weather", "description": DESCRIPTION,
                                         "parameters_json_schema": CITY}]}]

    def create(self, model, contents, **config):
        return self.client.models.generate_content(model=model, contents=contents, config=config)

    @staticmethod
    def parts(r):
        return (r.candidates[0].content.parts if r.candidates and r.candidates[0].content else None) or []

    def text(self, r):
        return "".join(p.text for p in self.parts(r) if p.text and not p.thought)

    def thinking(self, r):
        return "".join(p.text for p in self.parts(r) if p.text and p.thought)

    @staticmethod
    def usage(u):
        return [u.prompt_token_count, (u.candidates_token_count or 0) + (u.thoughts_token_count or 0)]

    def plain(self, model, prompt):
        r = self.create(model, prompt, system_instruction="Be brief.")
        return {"text": self.text(r), "finish": r.candidates[0].finish_reason.value, "usage": self.usage(r.usage_metadata)}

    def plain_beta(self, model, prompt):
        other = GenAI(self.url)
        other.version = "v1beta"
        other.client = other.open(KEY)
        return other.plain(model, prompt)

    def streamed(self, model, prompt, stop_after=None, **config):
        def each(r, got):
            if r.usage_metadata:
                got["usage"] = self.usage(r.usage_metadata)
            if r.candidates and r.candidates[0].finish_reason:
                got["finish"] = r.candidates[0].finish_reason.value
            got["thinking"] += self.thinking(r)
            return self.text(r)
        return collect(lambda: self.client.models.generate_content_stream(model=model, contents=prompt, config=config),
                       each, stop_after)

    def finish_loop(self, model, contents, parts):
        calls = [p.function_call for p in parts if p.function_call]
        contents += [{"role": "model", "parts": parts}, {"role": "user", "parts": [
            {"function_response": {"id": c.id, "name": c.name, "response": {"output": degrees(c.args)}}} for c in calls]}]
        return {"calls": [[c.name, c.args] for c in calls],
                "text": self.text(self.create(model, contents, tools=self.TOOLS))}

    def call(self, model, prompt):
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        return self.finish_loop(model, contents, self.parts(self.create(model, contents, tools=self.TOOLS)))

    def call_stream(self, model, prompt):
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        stream = self.client.models.generate_content_stream(model=model, contents=contents, config={"tools": self.TOOLS})
        return self.finish_loop(model, contents, [p for r in stream for p in self.parts(r)])

    def call_automatic(self, model, prompt):
        """The SDK calls the function itself."""
        calls = []

        def get_weather(city: str) -> str:
            """The weather in a city"""
            calls.append(["get_weather", {"city": city}])
            return degrees({"city": city})

        return {"text": self.text(self.create(model, prompt, tools=[get_weather])), "calls": calls}

    def image(self, model, prompt):
        return {"text": self.text(self.create(model, [{"role": "user", "parts": [
            {"inline_data": {"mime_type": "image/png", "data": base64.b64decode(sdk.PNG)}}, {"text": prompt}]}]))}

    def json(self, model, prompt):
        r = self.create(model, prompt, response_mime_type="application/json", response_schema=Weather)
        return {"value": r.parsed.model_dump()}

    def think(self, model, prompt):
        r = self.create(model, prompt, thinking_config={"include_thoughts": True, "thinking_budget": 1024})
        return {"text": self.text(r), "thinking": self.thinking(r)}

    def think_stream(self, model, prompt):
        return self.streamed(model, prompt, thinking_config={"include_thoughts": True, "thinking_budget": 1024})

    def models(self, model, prompt):
        return {"ids": [m.name.removeprefix("models/") for m in self.client.models.list()]}


class Cohere(Base):
    def open(self, key, timeout=None):
        import cohere
        self.options = {"max_retries": 0} if timeout else {}
        return cohere.ClientV2(base_url=self.url, api_key=key, **({"timeout": timeout} if timeout else {}))

    def chat(self, model, messages, **more):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.client.chat(model=model, messages=messages, request_options=self.options, **more)

    @staticmethod
    def text(r):
        return "".join(c.text for c in r.message.content or [] if c.type == "text")

    @staticmethod
    def usage(u):
        return [int(u.tokens.input_tokens), int(u.tokens.output_tokens)]

    def plain(self, model, prompt):
        r = self.chat(model, prompt)
        return {"text": self.text(r), "finish": r.finish_reason, "usage": self.usage(r.usage)}

    def silent(self, model, prompt):
        other = Cohere(self.url)
        other.client = other.open(KEY, timeout=0.5)
        begin = time.monotonic()
        try:
            other.plain(model, prompt)
        except Exception as e:
            return {"seconds": time.monotonic() - begin, "raised": fault(e)}
        raise AssertionError("no timeout")

    def streamed(self, model, prompt, stop_after=None, **more):
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt

        def each(ev, got):
            if ev.type == "message-end":
                got["finish"] = ev.delta.finish_reason
                if getattr(ev.delta, "error", None):
                    raise RuntimeError(ev.delta.error)
                got["usage"] = self.usage(ev.delta.usage)
            if ev.type == "tool-call-start":
                call = ev.delta.message.tool_calls
                got.setdefault("calls", []).append({"id": call.id, "name": call.function.name,
                                                    "args": call.function.arguments or ""})
            if ev.type == "tool-call-delta":
                got["calls"][-1]["args"] += ev.delta.message.tool_calls.function.arguments
            if ev.type != "content-delta":
                return ""
            got["thinking"] += getattr(ev.delta.message.content, "thinking", None) or ""
            return ev.delta.message.content.text
        return collect(lambda: self.client.chat_stream(model=model, messages=messages, **more), each, stop_after)

    def finish_loop(self, model, messages, calls):
        messages += [{"role": "assistant", "tool_calls": [
            {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["args"]}} for c in calls]}]
        messages += [{"role": "tool", "tool_call_id": c["id"], "content": degrees(json.loads(c["args"]))} for c in calls]
        return {"calls": [[c["name"], json.loads(c["args"])] for c in calls], "ids": [c["id"] for c in calls],
                "text": self.text(self.chat(model, messages, tools=[FUNCTION]))}

    def call(self, model, prompt):
        messages = [{"role": "user", "content": prompt}]
        calls = self.chat(model, messages, tools=[FUNCTION]).message.tool_calls
        return self.finish_loop(model, messages, [
            {"id": c.id, "name": c.function.name, "args": c.function.arguments} for c in calls])

    def call_stream(self, model, prompt):
        messages = [{"role": "user", "content": prompt}]
        got = self.streamed(model, messages, tools=[FUNCTION])
        sdk.no_error(got)
        return self.finish_loop(model, messages, got["calls"])

    def json(self, model, prompt):
        return {"value": json.loads(self.text(self.chat(
            model, prompt, response_format={"type": "json_object", "json_schema": WEATHER})))}

    def think(self, model, prompt):
        r = self.chat(model, prompt, thinking={"type": "enabled"})
        return {"text": self.text(r), "thinking": "".join(c.thinking for c in r.message.content if c.type == "thinking")}


class Ollama(Base):
    def open(self, key, timeout=None):
        import ollama
        return ollama.Client(host=self.url, headers={"Authorization": "Bearer " + key},
                             **({"timeout": timeout} if timeout else {}))

    def chat(self, model, messages, **more):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.client.chat(model=model, messages=messages, **more)

    def plain(self, model, prompt):
        r = self.chat(model, prompt, options={"num_predict": 100, "temperature": 0.5})
        return {"text": r.message.content, "finish": r.done_reason, "usage": [r.prompt_eval_count, r.eval_count]}

    def plain_generate(self, model, prompt):
        r = self.client.generate(model=model, prompt=prompt, system="Be brief.")
        return {"text": r.response, "finish": r.done_reason, "usage": [r.prompt_eval_count, r.eval_count]}

    @staticmethod
    def end(r, got):
        if r.done:
            got["finish"], got["usage"] = r.done_reason, [r.prompt_eval_count, r.eval_count]

    def streamed(self, model, prompt, stop_after=None, **more):
        def each(r, got):
            self.end(r, got)
            got["thinking"] += r.message.thinking or ""
            got.setdefault("calls", []).extend(r.message.tool_calls or [])
            return r.message.content
        return collect(lambda: self.chat(model, prompt, stream=True, **more), each, stop_after)

    def stream_generate(self, model, prompt):
        return collect(lambda: self.client.generate(model=model, prompt=prompt, stream=True),
                       lambda r, got: self.end(r, got) or r.response)

    def finish_loop(self, model, messages, message):
        calls = [c["function"] for c in message["tool_calls"]]
        messages += [message] + [{"role": "tool", "tool_name": c["name"], "content": degrees(c["arguments"])} for c in calls]
        return {"calls": [[c["name"], c["arguments"]] for c in calls],
                "text": self.chat(model, messages, tools=[FUNCTION]).message.content}

    def call(self, model, prompt):
        messages = [{"role": "user", "content": prompt}]
        return self.finish_loop(model, messages, self.chat(model, messages, tools=[FUNCTION]).message)

    def call_stream(self, model, prompt):
        got = self.streamed(model, prompt, tools=[FUNCTION])
        sdk.no_error(got)
        return self.finish_loop(model, [{"role": "user", "content": prompt}],
                                {"role": "assistant", "content": got["text"], "tool_calls": got["calls"]})

    def image(self, model, prompt):
        return {"text": self.chat(model, [{"role": "user", "content": prompt, "images": [sdk.PNG]}]).message.content}

    def json(self, model, prompt):
        return {"value": json.loads(self.chat(model, prompt, format=WEATHER).message.content)}

    def think(self, model, prompt):
        r = self.chat(model, prompt, think=True)
        return {"text": r.message.content, "thinking": r.message.thinking}

    def think_stream(self, model, prompt):
        return self.streamed(model, prompt, think=True)

    def models(self, model, prompt):
        assert "tools" in self.client.show(model).capabilities
        return {"ids": [m.model for m in self.client.list().models]}


class LangChain(Base):
    """Of its three classes the one that `kind` says."""
    kind = "chat"

    def open(self, key, timeout=None):
        self.key, self.more = key, {"timeout": timeout, "max_retries": 0} if timeout else {}

    def model(self, name, **more):
        from langchain_anthropic import ChatAnthropic
        from langchain_openai import ChatOpenAI
        more = {**self.more, **more}
        if self.kind == "anthropic":
            return ChatAnthropic(model=name, base_url=self.url, api_key=self.key, max_tokens=1000, **more)
        return ChatOpenAI(model=name, base_url=self.url + "/v1", api_key=self.key,
                          use_responses_api=self.kind == "responses", **more)

    @staticmethod
    def text(message):
        return message.text if isinstance(message.text, str) else message.text()

    def plain(self, model, prompt):
        r = self.model(model).invoke([("system", "Be brief."), ("human", prompt)])
        return {"text": self.text(r), "finish": "stop",
                "usage": [r.usage_metadata["input_tokens"], r.usage_metadata["output_tokens"]]}

    def wrongkey(self, model, prompt):
        other = type(self)(self.url)
        other.open("sk-wrong")
        return other.plain(model, prompt)

    def silent(self, model, prompt):
        other = type(self)(self.url)
        other.open(KEY, timeout=0.5)
        begin = time.monotonic()
        try:
            other.plain(model, prompt)
        except Exception as e:
            return {"seconds": time.monotonic() - begin, "raised": fault(e)}
        raise AssertionError("no timeout")

    def streamed(self, model, prompt, stop_after=None):
        def each(chunk, got):
            got["finish"] = "stop"
            return self.text(chunk)
        return collect(lambda: self.model(model).stream(prompt), each, stop_after)

    @staticmethod
    def tool():
        from langchain_core.tools import tool

        @tool
        def get_weather(city: str) -> str:
            """The weather in a city"""
            return degrees({"city": city})
        return get_weather

    def finish_loop(self, bound, messages, message):
        tool = self.tool()
        calls = message.tool_calls
        messages += [message] + [tool.invoke(c) for c in calls]
        return {"calls": [[c["name"], c["args"]] for c in calls], "ids": [c["id"] for c in calls],
                "text": self.text(bound.invoke(messages))}

    def call(self, model, prompt):
        bound, messages = self.model(model).bind_tools([self.tool()]), [("human", prompt)]
        return self.finish_loop(bound, messages, bound.invoke(messages))

    def call_stream(self, model, prompt):
        bound, messages, whole = self.model(model).bind_tools([self.tool()]), [("human", prompt)], None
        for chunk in bound.stream(messages):
            whole = chunk if whole is None else whole + chunk
        return self.finish_loop(bound, messages, whole)

    def image(self, model, prompt):
        return {"text": self.text(self.model(model).invoke([{"role": "user", "content": [
            {"type": "text", "text": prompt},
            {"type": "image", "source_type": "base64", "mime_type": "image/png", "data": sdk.PNG}]}]))}

    def json(self, model, prompt):
        r = self.model(model).with_structured_output(Weather, method="json_schema").invoke(prompt)
        return {"value": r.model_dump()}


class LangChainResponses(LangChain):
    kind = "responses"


class LangChainAnthropic(LangChain):
    kind = "anthropic"

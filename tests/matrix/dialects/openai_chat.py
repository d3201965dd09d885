import json

from dialects.base import (Dialect, Pairing, add_system, good_tool, link_or_image, object_of, only, sse_frame,
                           token_entry, url_of, PIECES)
from neutral import answer, call, conversation, joined, need, of_kind, refuse_unless, result, text, think
from wire import parse_json, split, sse

FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls", "filter": "content_filter"}
BACK = {v: k for k, v in FINISH.items()}


class OpenAIChat(Dialect):
    name = "openai"
    model = "openai/gpt-test"
    tells = "others logprobs sources written"
    cannot_ask = {"result_image": "OpenAI's tool messages hold text only",
                  "array_stream": "only Gemini has such a stream", "generate": "only Ollama has such an endpoint"}
    cannot_answer = {}

    # ---- client ----

    def path(self, model, stream):
        return "/v1/chat/completions"

    def body(self, model, conv):
        b = {"model": model, "messages": []}
        if conv["system"]:
            content = conv["system"]
            if conv["marks"]:
                content = [{"type": "text", "text": content, "cache_control": {"type": "ephemeral"}}]
            b["messages"].append({"role": "developer" if conv["developer"] else "system", "content": content})
        for t in conv["turns"]:
            b["messages"] += self.messages(t)
        if conv["tools"]:
            b["tools"] = [{"type": "function", "function": {"name": t["name"], "description": t["description"],
                                                            "parameters": t["schema"]}} for t in conv["tools"]]
        if conv["choice"]:
            c = conv["choice"]
            b["tool_choice"] = {"type": "function", "function": {"name": c[1]}} if isinstance(c, tuple) else c
        if conv["stop"]:
            b["stop"] = conv["stop"]
        if conv["max_tokens"]:
            b["max_completion_tokens"] = conv["max_tokens"]
        if conv["schema"]:
            b["response_format"] = {"type": "json_schema", "json_schema": {"name": "out", "strict": True,
                                                                           "schema": conv["schema"]}}
        if conv["reasoning"]:
            b["reasoning_effort"] = "medium"
        if conv["json"]:
            b["response_format"] = {"type": "json_object"}
        if conv["parallel"] is not None:
            b["parallel_tool_calls"] = conv["parallel"]
        if conv["logprobs"]:
            b["logprobs"] = True
        b.update({k: conv[k] for k in ("n", "user") if conv[k]})
        if conv["stream"]:
            b["stream"] = True
            b["stream_options"] = {"include_usage": True}
        return b

    def messages(self, turn):
        parts = turn["parts"]
        if turn["role"] == "tool":
            return [{"role": "tool", "tool_call_id": p["id"], "content": p["text"]} for p in parts]
        if turn["role"] == "system":
            return [{"role": "system", "content": joined(parts, "text")}]
        if turn["role"] == "user":
            if all(p["t"] == "text" for p in parts) and len(parts) == 1:
                return [{"role": "user", "content": parts[0]["text"]}]
            return [{"role": "user", "content": [
                {"type": "text", "text": p["text"]} if p["t"] == "text" else
                {"type": "image_url", "image_url": {"url": url_of(p)}} for p in parts]}]
        m = {"role": "assistant", "content": joined(parts, "text") or (None if of_kind(parts, "call") else "")}
        calls, thoughts = of_kind(parts, "call"), of_kind(parts, "think")
        if calls:
            m["tool_calls"] = [{"id": p["id"], "type": "function", "function": {
                "name": p["name"], "arguments": json.dumps(p["args"])}} for p in calls]
        if thoughts:  # as LiteLLM's clients keep them
            m["reasoning_content"] = joined(parts, "think")
            m["thinking_blocks"] = [{"type": "thinking", "thinking": p["text"], "signature": p["sig"]}
                                    for p in thoughts if p["sig"]]
            if not m["thinking_blocks"]:
                del m["thinking_blocks"]
        return [m]

    def read_reply(self, reply, model):
        v = reply.json()
        need(v.get("object") == "chat.completion" and isinstance(v.get("id"), str), "object, id")
        need(isinstance(v.get("created"), int), "created must be an integer")
        need(v.get("model") == model, f"model {v.get('model')!r}")
        for i, c in enumerate(v["choices"]):
            need(c["index"] == i and c["message"]["role"] == "assistant", "index, role")
            need("content" in c["message"], "content is a member, if null")
        c = v["choices"][0]
        return {**self.of_message(c["message"], c["finish_reason"], v.get("usage")),
                "others": [x["message"]["content"] for x in v["choices"][1:]],
                "logprobs": self.of_logprobs(c.get("logprobs"))}

    def of_logprobs(self, v):
        need(v is None or {"content", "refusal"} <= set(v), "logprobs: content, refusal")
        for t in (v or {}).get("content") or []:
            need({"token", "logprob", "bytes", "top_logprobs"} <= set(t), f"logprobs: {t}")
        return [(t["token"], t["logprob"]) for t in (v or {}).get("content") or []]

    def of_message(self, m, finish, usage):
        parts = []
        blocks = m.get("thinking_blocks") or []
        if m.get("reasoning_content") or blocks:
            sig = next((b["signature"] for b in blocks if b.get("signature")), None)
            parts.append(think(m.get("reasoning_content") or "", sig))
        if m.get("content"):
            parts.append(text(m["content"]))
        if m.get("refusal"):
            parts.append({"t": "refusal", "text": m["refusal"]})
        for c in m.get("tool_calls") or []:
            need(c["type"] == "function" and c["id"], "tool_calls: type, id")
            parts.append(call(c["id"], c["function"]["name"], parse_json(c["function"]["arguments"] or "{}")))
        need(finish in BACK, f"finish_reason {finish!r}")
        sources = [n["url_citation"]["url"] for n in m.get("annotations") or [] if n["type"] == "url_citation"]
        return {**answer(finish=BACK[finish]), "parts": parts, "usage": self.of_usage(usage), "sources": sources}

    def of_usage(self, u):
        need(isinstance(u, dict), "usage is missing")
        for k in ("prompt_tokens", "completion_tokens", "total_tokens"):
            need(isinstance(u.get(k), int), f"usage.{k}")
        need(u["total_tokens"] == u["prompt_tokens"] + u["completion_tokens"], "total_tokens is not the sum")
        return {"prompt": u["prompt_tokens"], "completion": u["completion_tokens"],
                "cached": (u.get("prompt_tokens_details") or {}).get("cached_tokens"),
                "written": u.get("cache_creation_input_tokens") or
                (u.get("prompt_tokens_details") or {}).get("cache_write_tokens"),
                "reasoning": (u.get("completion_tokens_details") or {}).get("reasoning_tokens")}

    def read_stream(self, raw, model, broken=False):
        events = [e for e in sse(raw) if e[0] != ":"]
        need(all(e[0] is None for e in events), "chat streams name no events")
        need(events, "an empty stream")
        done = events[-1][1] == "[DONE]"
        ids, message, calls, finish, usage, error, kinds = set(), {}, {}, [], [], None, []
        others, ended, tokens = {}, set(), []
        for _, data in events[:-1] if done else events:
            v = parse_json(data)
            need(error is None, "something behind the error")
            if "error" in v:
                need("choices" not in v and isinstance(v["error"]["message"], str), "error beside choices")
                need({"type", "param", "code"} <= set(v["error"]), "error: type, param, code")
                error = v["error"]["message"]
                continue
            need(v["object"] == "chat.completion.chunk" and isinstance(v["created"], int), "object, created")
            need(v["model"] == model, f"model {v['model']!r}")
            ids.add((v["id"], v["created"]))
            if v.get("usage"):
                need(v["choices"] == [] and finish, "usage comes in a chunk of its own, behind the finish")
                usage.append(v["usage"])
                continue
            need(len(v["choices"]) == 1, "choices")
            c = v["choices"][0]
            need(c["index"] not in ended, "a chunk behind the finish")
            if c.get("finish_reason"):
                ended.add(c["index"])
            if c["index"]:
                others[c["index"]] = others.get(c["index"], "") + (c["delta"].get("content") or "")
                continue
            tokens += self.of_logprobs(c.get("logprobs"))
            self.add_delta(message, calls, kinds, c["delta"])
            if c.get("finish_reason"):
                finish.append(c["finish_reason"])
        need(len(ids) <= 1, f"id or created changes: {ids}")
        if broken:
            need(error is not None and not finish, "no error event, or a finish beside it")
            return message.get("content", ""), error
        need(error is None, f"error: {error}")
        need(done, "no [DONE]")
        need(len(finish) == 1 and len(usage) == 1, f"finishes {finish}, usages {usage}")
        need(not calls or sorted(calls) == list(range(len(calls))), "indexes of calls")
        message["tool_calls"] = [calls[i] for i in sorted(calls)]
        need(set(others) <= ended, "an alternative without finish")
        return {**self.of_message(message, finish[0], usage[0]), "others": [others[i] for i in sorted(others)],
                "logprobs": tokens}

    def add_delta(self, m, calls, kinds, d):
        need("role" in m or d.get("role") == "assistant", "the first delta has the role")
        m["role"] = "assistant"
        for k in ("content", "refusal", "reasoning_content"):
            if d.get(k):
                m[k] = m.get(k, "") + d[k]
        for k in ("thinking_blocks", "annotations"):
            m.setdefault(k, []).extend(d.get(k) or [])
        for t in d.get("tool_calls") or []:
            need(isinstance(t.get("index"), int), "a call without index")
            if t["index"] not in calls:
                need(t.get("id") and t.get("type") == "function" and t["function"].get("name"), "begin of a call")
                calls[t["index"]] = {"id": t["id"], "type": "function",
                                     "function": {"name": t["function"]["name"], "arguments": ""}}
            else:
                need("id" not in t and "name" not in t["function"], "id and name once")
            calls[t["index"]]["function"]["arguments"] += t["function"].get("arguments") or ""

    def read_error(self, reply):
        e = reply.json()["error"]
        need({"message", "type", "param", "code"} <= set(e), f"error members {sorted(e)}")
        return e["message"]

    def keepalives(self, raw):
        return raw.count(b": keep-alive\n\n")

    # ---- vendor ----

    def parse(self, path, fields, b):
        refuse_unless(path == "/v1/chat/completions", f"404 {path}")
        refuse_unless(fields.get("authorization") == "Bearer sk-vendor", "no key")
        only(b, "model messages tools tool_choice parallel_tool_calls stop max_tokens max_completion_tokens "
                "response_format reasoning_effort stream stream_options temperature top_p n logprobs top_logprobs user", "")
        refuse_unless(b["model"] == "gpt-test", f"model {b['model']}")
        refuse_unless("stream_options" not in b or b.get("stream"), "stream_options without stream")
        c = conversation(stream=bool(b.get("stream")), stop=b.get("stop") or [])
        c["stop"] = [c["stop"]] if isinstance(c["stop"], str) else c["stop"]
        c["max_tokens"] = b.get("max_completion_tokens", b.get("max_tokens"))
        c["n"], c["user"], c["logprobs"] = b.get("n"), b.get("user"), b.get("logprobs")
        refuse_unless("top_logprobs" not in b or b.get("logprobs"), "top_logprobs without logprobs")
        refuse_unless("parallel_tool_calls" not in b or b.get("tools"), "parallel_tool_calls without tools")
        c["parallel"] = b.get("parallel_tool_calls")
        c["reasoning"] = b.get("reasoning_effort", "none") not in ("none", "minimal")
        for t in b.get("tools", []):
            only(t, "type function", "tools[].")
            only(t["function"], "name description parameters strict", "tools[].function.")
            good_tool(t["function"]["name"], t["function"].get("parameters"))
            c["tools"].append({"name": t["function"]["name"], "description": t["function"].get("description"),
                               "schema": t["function"].get("parameters") or {"type": "object"}})
        refuse_unless(b.get("tools") != [], "tools: empty array")
        if "tool_choice" in b:
            refuse_unless(c["tools"], "tool_choice without tools")
            v = b["tool_choice"]
            c["choice"] = ("named", v["function"]["name"]) if isinstance(v, dict) else v
        f = b.get("response_format")
        if f and f["type"] == "json_schema":
            only(f["json_schema"], "name description schema strict", "response_format.json_schema.")
            good_tool(f["json_schema"].get("name"), f["json_schema"].get("schema"))
            c["schema"] = f["json_schema"]["schema"]
        if f and f["type"] == "json_object":
            refuse_unless("json" in json.dumps(b["messages"]).lower(), "'messages' must contain the word 'json'")
            c["json"] = True
        self.parse_messages(c, b["messages"])
        return c

    def parse_messages(self, c, messages):
        pairs = Pairing()
        refuse_unless(messages, "messages: empty array")
        for m in messages:
            refuse_unless(m["role"] in ("system", "developer", "user", "assistant", "tool"), f"role {m['role']}")
            if m["role"] == "tool":
                only(m, "role content tool_call_id name", "messages[].")
                name = pairs.result(m["tool_call_id"])
                content = "".join(p["text"] for p in self.parse_content(m["content"], "text"))
                c["turns"].append({"role": "tool", "parts": [result(m["tool_call_id"], name, content)]})
                continue
            pairs.other()
            if m["role"] in ("system", "developer"):
                only(m, "role content name", "messages[].")
                add_system(c, "".join(p["text"] for p in self.parse_content(m["content"], "text")))
                c["marks"] = c["marks"] or "cache_control" in json.dumps(m)
                continue
            # reasoning_content and thinking_blocks: only a client of this very dialect leaves them in
            only(m, "role content name" + (" tool_calls refusal reasoning_content thinking_blocks" if m["role"] ==
                                           "assistant" else ""), "messages[].")
            parts = []
            if m.get("content") is not None:
                parts += self.parse_content(m["content"], "text image_url" if m["role"] == "user" else "text refusal")
            else:
                refuse_unless(m.get("tool_calls"), "content: expected a string, got null")
            refuse_unless(m.get("tool_calls") != [], "tool_calls: empty array")
            for t in m.get("tool_calls", []):
                only(t, "id type function", "tool_calls[].")
                only(t["function"], "name arguments", "tool_calls[].function.")
                refuse_unless(t["type"] == "function", "type of a call")
                pairs.call(t["id"], t["function"]["name"])
                parts.append(call(t["id"], t["function"]["name"], object_of(t["function"]["arguments"], "arguments")))
            c["turns"].append({"role": m["role"], "parts": parts})
        pairs.other()

    def parse_content(self, v, kinds):
        if isinstance(v, str):
            return [text(v)] if v else []
        refuse_unless(isinstance(v, list) and v, f"content: {v!r}")
        out = []
        for p in v:
            refuse_unless(p.get("type") in kinds.split(), f"content part {p.get('type')}")
            # a server behind this API may be a gateway to Claude: a mark of this API's client passes
            only(p, "type text image_url refusal cache_control", "content[].")
            if p["type"] == "text":
                out.append(text(p["text"]))
            else:
                out.append(link_or_image(p["image_url"]["url"]))
        return out

    def wants_back(self, a):
        return []  # OpenAI's chat API takes no reasoning back, so none is meant to arrive

    def told(self, a):
        a = super().told(a)
        a["stop_sequence"] = None  # finish_reason says stop, whatever stopped it
        return a

    def usage(self, a):
        u = a["usage"]
        r = {"prompt_tokens": u["prompt"], "completion_tokens": u["completion"],
             "total_tokens": u["prompt"] + u["completion"]}
        if u["cached"] is not None:
            r["prompt_tokens_details"] = {"cached_tokens": u["cached"], "audio_tokens": 0}
        if u["written"] is not None:
            r["prompt_tokens_details"]["cache_write_tokens"] = u["written"]
        if u["reasoning"] is not None:
            r["completion_tokens_details"] = {"reasoning_tokens": u["reasoning"], "audio_tokens": 0}
        return r

    def finish(self, a):
        return FINISH[a["finish"]]

    def reply(self, a):
        m = {"role": "assistant", "content": joined(a["parts"], "text") or None,
             "refusal": joined(a["parts"], "refusal") or None, "annotations": self.notes(a)}
        if of_kind(a["parts"], "think"):
            m["reasoning_content"] = joined(a["parts"], "think")
        if of_kind(a["parts"], "call"):
            m["tool_calls"] = [{"id": p["id"], "type": "function", "function": {
                "name": p["name"], "arguments": json.dumps(p["args"])}} for p in of_kind(a["parts"], "call")]
        return {"id": "chatcmpl-Vendor1", "object": "chat.completion", "created": 1790000000, "model": "gpt-test-01",
                "choices": [{"index": 0, "message": m, "logprobs": self.tokens(a), "finish_reason": self.finish(a)},
                            *[{"index": i + 1, "message": {"role": "assistant", "content": s, "refusal": None},
                               "logprobs": None, "finish_reason": "stop"} for i, s in enumerate(a["others"])]],
                "usage": self.usage(a), "service_tier": "default", "system_fingerprint": "fp_1"}

    def notes(self, a):
        return [{"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 3, "title": "T", "url": u}}
                for u in a["sources"]]

    def tokens(self, a):
        return {"content": [token_entry(*t) for t in a["logprobs"]], "refusal": None} if a["logprobs"] else None

    def chunk(self, delta=None, finish=None, index=0, logprobs=None, **more):
        choices = [] if delta is None else [{"index": index, "delta": delta, "logprobs": logprobs,
                                             "finish_reason": finish}]
        return sse_frame({"id": "chatcmpl-Vendor1", "object": "chat.completion.chunk", "created": 1790000000,
                          "model": "gpt-test-01", "choices": choices, "usage": None, "obfuscation": "x", **more})

    def frames(self, a):
        yield self.chunk({"role": "assistant", "content": "", "refusal": None})
        member = {"think": "reasoning_content", "text": "content", "refusal": "refusal"}
        for i, s in enumerate(a["others"]):
            yield self.chunk({"role": "assistant", "content": s}, index=i + 1)
            yield self.chunk({}, "stop", index=i + 1)
        for p in a["parts"]:
            if p["t"] == "text" and a["logprobs"]:
                for token, logprob in a["logprobs"]:
                    yield self.chunk({"content": token}, logprobs={"content": [token_entry(token, logprob)],
                                                                   "refusal": None})
                continue
            if p["t"] in member:
                for s in split(p["text"], PIECES):
                    yield self.chunk({member[p["t"]]: s})
        calls = of_kind(a["parts"], "call")
        args = [split(json.dumps(p["args"]) if p["args"] else "", PIECES) for p in calls]
        order = [(i, k) for i in range(len(calls)) for k in range(len(args[i]))]
        if a["interleave"]:
            order.sort(key=lambda ik: (ik[1], ik[0]))
            for i in range(len(calls)):
                yield self.begin_call(i, calls[i])
        for i, k in order:
            if k == 0 and not a["interleave"]:
                yield self.begin_call(i, calls[i])
            yield self.chunk({"tool_calls": [{"index": i, "function": {"arguments": args[i][k]}}]})
        if a["sources"]:
            yield self.chunk({"annotations": self.notes(a)})
        yield self.chunk({}, self.finish(a))
        yield self.chunk(None, usage=self.usage(a))
        yield b"data: [DONE]\n\n"

    def begin_call(self, i, p):
        return self.chunk({"tool_calls": [{"index": i, "id": p["id"], "type": "function",
                                           "function": {"name": p["name"], "arguments": ""}}]})

    def error(self, status, message):
        return {"error": {"message": message, "type": "some_error", "param": None, "code": None}}

    def error_frames(self, message, n):
        yield sse_frame(self.error(500, message))

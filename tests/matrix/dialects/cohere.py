import json

from dialects.base import Dialect, Pairing, add_system, good_tool, link_or_image, object_of, only, sse_frame, url_of, PIECES
from neutral import answer, call, conversation, joined, need, of_kind, refuse_unless, result, text, think
from wire import parse_json, split, sse

FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool": "TOOL_CALL", "filter": "ERROR_TOXIC"}
BACK = {**{v: k for k, v in FINISH.items()}, "STOP_SEQUENCE": "stop"}


class Cohere(Dialect):
    name = "cohere"
    model = "cohere/command-a-reasoning-08-2025"
    tells = "logprobs"
    cannot_ask = {"tool_choice_named": "Cohere's tool_choice knows no names", "developer": "Cohere knows no developer",
                  "one_call": "Cohere has no such switch", "n": "Cohere gives one answer",
                  "result_image": "Cohere's tool messages hold no pictures", "cache_marks": "Cohere has no marks",
                  "user_id": "Cohere asks for no end user", "array_stream": "only Gemini has such a stream",
                  "generate": "only Ollama has such an endpoint"}

    cannot_answer = {"refusal": "Cohere has no refusal apart from text"}

    # ---- client ----

    def path(self, model, stream):
        return "/v2/chat"

    def body(self, model, conv):
        b = {"model": model, "messages": [], "stream": conv["stream"]}
        if conv["system"]:
            b["messages"].append({"role": "system", "content": conv["system"]})
        for t in conv["turns"]:
            b["messages"] += self.messages(t)
        if conv["tools"]:
            b["tools"] = [{"type": "function", "function": {"name": t["name"], "description": t["description"],
                                                            "parameters": t["schema"]}} for t in conv["tools"]]
        if conv["choice"] in ("required", "none"):
            b["tool_choice"] = conv["choice"].upper()
        if conv["stop"]:
            b["stop_sequences"] = conv["stop"]
        if conv["max_tokens"]:
            b["max_tokens"] = conv["max_tokens"]
        if conv["schema"]:
            b["response_format"] = {"type": "json_object", "json_schema": conv["schema"]}
        if conv["json"]:
            b["response_format"] = {"type": "json_object"}
        if conv["logprobs"]:
            b["logprobs"] = True
        if conv["reasoning"]:
            b["thinking"] = {"type": "enabled", "token_budget": 2048}
        return b

    def messages(self, t):
        parts = t["parts"]
        if t["role"] == "tool":
            return [{"role": "tool", "tool_call_id": p["id"], "content": p["text"]} for p in parts]
        content = []
        for p in parts:
            if p["t"] == "text":
                content.append({"type": "text", "text": p["text"]})
            elif p["t"] == "think":
                content.append({"type": "thinking", "thinking": p["text"]})
            elif p["t"] in ("image", "link"):
                content.append({"type": "image_url", "image_url": {"url": url_of(p)}})
        m = {"role": t["role"], "content": content}
        if of_kind(parts, "call"):
            m["tool_calls"] = [{"id": p["id"], "type": "function", "function": {
                "name": p["name"], "arguments": json.dumps(p["args"])}} for p in of_kind(parts, "call")]
            if not content:
                del m["content"]
        return [m]

    def read_reply(self, reply, model):
        v = reply.json()
        need(isinstance(v["id"], str) and v["message"]["role"] == "assistant", "id, role")
        return {**self.of_message(v["message"], v["finish_reason"], v["usage"]),
                "logprobs": [self.of_token(t) for t in v.get("logprobs") or []]}

    def of_token(self, t):
        need(isinstance(t["text"], str) and isinstance(t["token_ids"], list) and len(t["logprobs"]) == 1, f"logprobs {t}")
        return t["text"], t["logprobs"][0]

    def of_message(self, m, finish, usage):
        parts = []
        for c in m.get("content") or []:
            parts.append(think(c["thinking"]) if c["type"] == "thinking" else text(c["text"]))
        if m.get("tool_plan"):
            parts.append(text(m["tool_plan"]))
        for c in m.get("tool_calls") or []:
            need(c["id"] and c["type"] == "function", "tool_calls: id, type")
            parts.append(call(c["id"], c["function"]["name"], parse_json(c["function"]["arguments"] or "{}")))
        need(finish in BACK, f"finish_reason {finish}")
        t = usage["tokens"]
        return {**answer(finish=BACK[finish]), "parts": parts,
                "usage": {"prompt": t["input_tokens"], "completion": t["output_tokens"],
                          "cached": usage.get("cached_tokens"), "reasoning": None}}

    def read_stream(self, raw, model, broken=False):
        events = [e for e in sse(raw) if e[0] != ":"]
        if events and events[-1][1] == "[DONE]":
            events.pop()
        m, open_kind, ended, words = {"content": [], "tool_calls": [], "tool_plan": ""}, None, None, ""
        tokens = []
        need(events and events[0][0] == "message-start", "the first event is message-start")
        for name, data in events:
            v = parse_json(data)
            need(v["type"] == name, f"event {name} is {v['type']}")
            need(ended is None, f"{name} behind the end")
            d = v.get("delta", {}).get("message", {})
            if name == "message-start":
                need(v["id"] and d["role"] == "assistant", "message-start: id, role")
            elif name == "tool-plan-delta":
                m["tool_plan"] += d["tool_plan"]
                words += d["tool_plan"]
            elif name in ("content-start", "tool-call-start"):
                need(open_kind is None, f"{name} while {open_kind} is open")
                open_kind = name.rsplit("-", 1)[0]
                if name == "content-start":
                    need(v["index"] == len(m["content"]), f"content index {v['index']}")
                    m["content"].append(dict(d["content"]))
                else:
                    need(isinstance(d["tool_calls"], dict), "tool_calls of a start is an object")
                    need(v["index"] == len(m["tool_calls"]), f"call index {v['index']}")
                    m["tool_calls"].append({**d["tool_calls"], "function": dict(d["tool_calls"]["function"])})
            elif name == "content-delta":
                need(open_kind == "content", name)
                tokens += [self.of_token(v["logprobs"])] if "logprobs" in v else []
                for k, s in d["content"].items():
                    m["content"][-1][k] = m["content"][-1].get(k, "") + s
                    words += s if k == "text" else ""
            elif name == "tool-call-delta":
                need(open_kind == "tool-call", name)
                m["tool_calls"][-1]["function"]["arguments"] += d["tool_calls"]["function"]["arguments"]
            elif name in ("content-end", "tool-call-end"):
                need(open_kind == name.rsplit("-", 1)[0], name)
                open_kind = None
            else:
                need(name == "message-end", f"event {name}")
                ended = v["delta"]
        if broken:
            need(ended is not None and ended["finish_reason"] == "ERROR", f"no message-end with ERROR: {ended}")
            return words, ended["error"]
        need(ended is not None and open_kind is None, "no message-end")
        return {**self.of_message(m, ended["finish_reason"], ended["usage"]), "logprobs": tokens}

    def read_error(self, reply):
        v = reply.json()
        need(isinstance(v["message"], str), f"error {v}")
        return v["message"]

    def keepalives(self, raw):
        return raw.count(b": keep-alive\n\n")

    # ---- vendor ----

    def parse(self, path, fields, b):
        refuse_unless(path == "/v2/chat", f"404 {path}")
        refuse_unless(fields.get("authorization") == "Bearer sk-vendor", "no key")
        only(b, "model messages stream tools strict_tools tool_choice response_format max_tokens stop_sequences "
                "temperature p k seed thinking logprobs", "")
        refuse_unless(b["model"] == "command-a-reasoning-08-2025", f"model {b['model']}")
        if b.get("stream"):
            refuse_unless("text/event-stream" in fields.get("accept", ""), f"accept {fields.get('accept')}")
        c = conversation(stream=bool(b.get("stream")), stop=b.get("stop_sequences") or [])
        c["max_tokens"], c["logprobs"] = b.get("max_tokens"), b.get("logprobs")
        t = b.get("thinking") or {}
        only(t, "type token_budget", "thinking.")
        c["reasoning"] = t.get("type") == "enabled"
        for t in b.get("tools", []):
            only(t, "type function", "tools[].")
            only(t["function"], "name description parameters", "tools[].function.")
            good_tool(t["function"]["name"], t["function"]["parameters"])
            c["tools"].append({"name": t["function"]["name"], "description": t["function"].get("description"),
                               "schema": t["function"]["parameters"]})
        if "tool_choice" in b:
            refuse_unless(b["tool_choice"] in ("REQUIRED", "NONE") and c["tools"], f"tool_choice {b['tool_choice']}")
            c["choice"] = b["tool_choice"].lower()
        f = b.get("response_format")
        if f and f["type"] == "json_object":
            refuse_unless(not c["tools"], "response_format with tools")
            only(f, "type json_schema", "response_format.")
            c["schema"] = f.get("json_schema")
            c["json"] = c["schema"] is None
            refuse_unless(c["schema"] is None or c["schema"].get("required"), "an object needs a required field")
        pairs = Pairing()
        for m in b["messages"]:
            refuse_unless(m["role"] in ("system", "user", "assistant", "tool"), f"role {m['role']}")
            if m["role"] == "tool":
                only(m, "role tool_call_id content", "messages[].")
                name = pairs.result(m["tool_call_id"])
                v = m["content"]
                c["turns"].append({"role": "tool", "parts": [result(m["tool_call_id"], name, v if isinstance(v, str) else
                                                                    "".join(p["text"] for p in v))]})
                continue
            pairs.other()
            if m["role"] == "system":
                v = m["content"]
                refuse_unless(v, "system: empty")
                add_system(c, v if isinstance(v, str) else "".join(p["text"] for p in v))
                continue
            c["turns"].append({"role": m["role"], "parts": self.parse_parts(m, pairs)})
        pairs.other()
        return c

    def parse_parts(self, m, pairs):
        only(m, "role content" + (" tool_calls tool_plan citations" if m["role"] == "assistant" else ""), "messages[].")
        parts = []
        v = m.get("content", [])
        refuse_unless(v or m.get("tool_calls"), "message must be at least 1 token long")
        for p in [{"type": "text", "text": v}] if isinstance(v, str) and v else v:
            if p["type"] == "text":
                parts.append(text(p["text"]))
            elif p["type"] == "thinking" and m["role"] == "assistant":
                only(p, "type thinking", "content[].")
                parts.append(think(p["thinking"]))
            else:
                refuse_unless(p["type"] == "image_url" and m["role"] == "user", f"part {p['type']}")
                only(p["image_url"], "url detail", "image_url.")
                parts.append(link_or_image(p["image_url"]["url"]))
        if m.get("tool_plan"):
            parts.append(text(m["tool_plan"]))
        for t in m.get("tool_calls", []):
            only(t, "id type function", "tool_calls[].")
            pairs.call(t["id"], t["function"]["name"])
            parts.append(call(t["id"], t["function"]["name"], object_of(t["function"]["arguments"], "arguments")))
        return parts

    def told(self, a):
        a = super().told(a)
        a["usage"]["reasoning"] = None  # not among its counts
        a["stop_sequence"] = None       # says that, not which
        return a

    def means(self, conv):
        if isinstance(conv["choice"], tuple):  # the only way to name a tool: offer no other
            conv["tools"] = [t for t in conv["tools"] if t["name"] == conv["choice"][1]]
            conv["choice"] = "required"
        return conv

    def usage(self, a):
        u = a["usage"]
        r = {"billed_units": {"input_tokens": 1, "output_tokens": 1},
             "tokens": {"input_tokens": u["prompt"], "output_tokens": u["completion"]}}
        if u["cached"] is not None:
            r["cached_tokens"] = u["cached"]
        return r

    def finish(self, a):
        return "STOP_SEQUENCE" if a["finish"] == "stop" and a.get("by_stop") else FINISH[a["finish"]]

    def reply(self, a):
        m = {"role": "assistant"}
        content = [{"type": "thinking", "thinking": p["text"]} if p["t"] == "think" else
                   {"type": "text", "text": p["text"]} for p in a["parts"] if p["t"] in ("think", "text")]
        if content:
            m["content"] = content
        if of_kind(a["parts"], "call"):
            m["tool_calls"] = [{"id": p["id"], "type": "function", "function": {
                "name": p["name"], "arguments": json.dumps(p["args"])}} for p in of_kind(a["parts"], "call")]
        r = {"id": "vendor-1", "finish_reason": self.finish(a), "message": m, "usage": self.usage(a)}
        if a["logprobs"]:
            r["logprobs"] = [self.token(*t) for t in a["logprobs"]]
        return r

    def token(self, t, x):
        return {"text": t, "token_ids": [7], "logprobs": [x]}

    def frames(self, a):
        def ev(kind, **more):
            return sse_frame({"type": kind, **more}, kind)

        yield ev("message-start", id="vendor-1", delta={"message": {"role": "assistant", "content": [], "tool_plan": "",
                                                                    "tool_calls": [], "citations": []}})
        n = calls = 0
        for p in a["parts"]:
            if p["t"] == "call":
                f = {"name": p["name"], "arguments": ""}
                yield ev("tool-call-start", index=calls, delta={"message": {"tool_calls": {
                    "id": p["id"], "type": "function", "function": f}}})
                for s in split(json.dumps(p["args"]), PIECES) if p["args"] else []:
                    yield ev("tool-call-delta", index=calls, delta={"message": {"tool_calls": {"function": {"arguments": s}}}})
                yield ev("tool-call-end", index=calls)
                calls += 1
                continue
            member = "thinking" if p["t"] == "think" else "text"
            yield ev("content-start", index=n, delta={"message": {"content": {"type": member, member: ""}}})
            pieces = [(s, {}) for s in split(p["text"], PIECES)]
            if a["logprobs"]:
                pieces = [(t, {"logprobs": self.token(t, x)}) for t, x in a["logprobs"]]
            for s, more in pieces:
                yield ev("content-delta", index=n, delta={"message": {"content": {member: s}}}, **more)
            yield ev("content-end", index=n)
            n += 1
        yield ev("message-end", delta={"finish_reason": self.finish(a), "usage": self.usage(a)})
        yield b"data: [DONE]\n\n"

    def error(self, status, message):
        return {"id": "vendor-1", "message": message}

    def error_frames(self, message, n):
        yield sse_frame({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}}, "message-end")

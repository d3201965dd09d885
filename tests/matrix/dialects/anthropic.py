from dialects.base import BASE64, Dialect, ID, good_tool, only, sse_frame, system_text, PIECES
from neutral import answer, call, conversation, image, joined, linked, need, refuse_unless, result, text, think
from wire import parse_json, split, sse
import json

FINISH = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use", "filter": "refusal"}
BACK = {**{v: k for k, v in FINISH.items()}, "stop_sequence": "stop"}


class Anthropic(Dialect):
    name = "anthropic"
    model = "anthropic/claude-sonnet-4-5"
    signature = "EqQBCkYIARgCKkAnthropicSignature0123456789=="

    tells = "sources written"
    cannot_ask = {"empty_assistant": "Claude refuses empty texts", "system_middle": "older models of Claude's have one system prompt, at the top",
                  "developer": "Claude knows no developer", "json_object": "Claude knows schemas only",
                  "n": "Claude gives one answer", "logprobs": "Claude tells none",
                  "array_stream": "only Gemini has such a stream", "generate": "only Ollama has such an endpoint"}
    cannot_answer = {"refusal": "Claude's refusals are its stop reason", "logprobs": "Claude tells none",
                     "n": "Claude gives one answer"}

    # ---- client ----

    def asks(self, conv):
        return {**conv, "max_tokens": conv["max_tokens"] or 4096}

    def path(self, model, stream):
        return "/v1/messages"

    def body(self, model, conv):
        b = {"model": model, "max_tokens": conv["max_tokens"], "messages": []}
        if conv["system"]:
            b["system"] = conv["system"] if not conv["marks"] else [
                {"type": "text", "text": conv["system"], "cache_control": {"type": "ephemeral"}}]
        for t in conv["turns"]:
            b["messages"].append(self.message(t))
        if conv["tools"]:
            b["tools"] = [{"name": t["name"], "description": t["description"], "input_schema": t["schema"]}
                          for t in conv["tools"]]
        if conv["choice"]:
            c = conv["choice"]
            b["tool_choice"] = ({"type": "tool", "name": c[1]} if isinstance(c, tuple) else
                                {"type": {"required": "any"}.get(c, c)})
        if conv["parallel"] is False:
            b["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
        if conv["user"]:
            b["metadata"] = {"user_id": conv["user"]}
        if conv["stop"]:
            b["stop_sequences"] = conv["stop"]
        if conv["schema"]:
            b["output_config"] = {"format": {"type": "json_schema", "schema": conv["schema"]}}
        if conv["reasoning"]:
            b["thinking"] = {"type": "enabled", "budget_tokens": 2048}
        if conv["stream"]:
            b["stream"] = True
        return b

    def message(self, t):
        blocks = []
        for p in t["parts"]:
            if p["t"] == "text":
                blocks.append({"type": "text", "text": p["text"]})
            elif p["t"] == "image":
                blocks.append(self.picture(p))
            elif p["t"] == "link":
                blocks.append({"type": "image", "source": {"type": "url", "url": p["url"]}})
            elif p["t"] == "think":
                blocks.append({"type": "thinking", "thinking": p["text"], "signature": p["sig"] or ""})
            elif p["t"] == "call":
                blocks.append({"type": "tool_use", "id": p["id"], "name": p["name"], "input": p["args"]})
            else:
                content = [{"type": "text", "text": p["text"]}, *[self.picture(i) for i in p["images"]]]
                blocks.append({"type": "tool_result", "tool_use_id": p["id"],
                               "content": content if p["images"] else p["text"]})
        return {"role": "assistant" if t["role"] == "assistant" else "user", "content": blocks}

    def picture(self, p):
        return {"type": "image", "source": {"type": "base64", "media_type": p["mime"], "data": p["data"]}}

    def read_reply(self, reply, model):
        return self.of_message(reply.json(), model)

    def of_message(self, v, model):
        need(v["type"] == "message" and v["role"] == "assistant" and v["id"].startswith("msg_"), "type, role, id")
        need(v["model"] == model, f"model {v['model']!r}")
        need("stop_sequence" in v and v["stop_reason"] in BACK, f"stop_reason {v['stop_reason']}")
        parts, sources = [], []
        for b in v["content"]:
            if b["type"] == "text":
                sources += [n["url"] for n in b.get("citations") or [] if "url" in n]
                parts.append(text(b["text"]))
            elif b["type"] == "thinking":
                need(isinstance(b["signature"], str), "thinking without signature")
                parts.append(think(b["thinking"], b["signature"] or None))
            else:
                need(b["type"] == "tool_use" and ID.match(b["id"]) and isinstance(b["input"], dict), f"block {b}")
                parts.append(call(b["id"], b["name"], b["input"]))
        u = v["usage"]
        cached = u.get("cache_read_input_tokens")
        usage = {"prompt": u["input_tokens"] + (cached or 0) + (u.get("cache_creation_input_tokens") or 0),
                 "completion": u["output_tokens"], "cached": cached, "written": u.get("cache_creation_input_tokens"),
                 "reasoning": (u.get("output_tokens_details") or {}).get("thinking_tokens")}
        return {**answer(finish=BACK[v["stop_reason"]]), "parts": parts, "usage": usage, "sources": sources,
                "stop_sequence": v["stop_sequence"]}

    def read_stream(self, raw, model, broken=False):
        events = [(n, parse_json(d)) for n, d in sse(raw) if n != ":"]
        m, open_at, ended, error, words = None, None, False, None, ""
        for name, v in events:
            need(name == v["type"], f"event {name} is {v['type']}")
            need(not ended and error is None, f"{name} behind the end")
            if name == "ping":
                continue
            if name == "error":
                error = v["error"]["message"]
                need(v["error"]["type"], "error.type")
                continue
            if name == "message_start":
                need(m is None, "a second message_start")
                m = v["message"]
                need(m["content"] == [] and m["stop_reason"] is None and "input_tokens" in m["usage"], "message_start")
                continue
            need(m is not None, f"{name} before message_start")
            if name == "content_block_start":
                need(open_at is None and v["index"] == len(m["content"]), f"index {v['index']}")
                open_at = v["index"]
                b = dict(v["content_block"])
                need(b["type"] != "tool_use" or b["input"] == {}, "input of a start")
                m["content"].append({**b, "json": ""})
            elif name == "content_block_delta":
                need(v["index"] == open_at, "a delta of a closed block")
                b, d = m["content"][open_at], v["delta"]
                if d["type"] == "citations_delta":
                    need(b["type"] == "text", "citations_delta outside of a text")
                    b["citations"] = (b.get("citations") or []) + [d["citation"]]
                    continue
                member = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature",
                          "input_json_delta": "json"}[d["type"]]
                piece = d["partial_json" if member == "json" else member]
                need({"text": "text", "thinking": "thinking", "tool_use": "json"}[b["type"]] == member or
                     (b["type"], member) == ("thinking", "signature"), f"{d['type']} in {b['type']}")
                b[member] = b.get(member, "") + piece
                words += piece if member == "text" else ""
            elif name == "content_block_stop":
                need(v["index"] == open_at, "stop of a block that is not open")
                b = m["content"][open_at]
                if b["type"] == "tool_use":
                    b["input"] = parse_json(b["json"] or "{}")
                open_at = None
            elif name == "message_delta":
                need(open_at is None and "output_tokens" in v["usage"], "message_delta")
                m.update(v["delta"])
                m["usage"].update({k: x for k, x in v["usage"].items() if x is not None})
            else:
                need(name == "message_stop" and m["stop_reason"], f"{name}")
                ended = True
        if broken:
            need(error is not None and not ended, "no error event, or an end beside it")
            return words, error
        need(error is None, f"error: {error}")
        need(ended, "no message_stop")
        return self.of_message(m, model)

    def read_error(self, reply):
        v = reply.json()
        need(v["type"] == "error" and v["error"]["type"], f"error {v}")
        return v["error"]["message"]

    def keepalives(self, raw):
        return raw.count(b"event: ping\n")

    # ---- vendor ----

    def parse(self, path, fields, b):
        refuse_unless(path == "/v1/messages", f"404 {path}")
        refuse_unless(fields.get("x-api-key") == "sk-vendor" and fields.get("anthropic-version"), "key, version")
        only(b, "model messages max_tokens system stop_sequences stream tools tool_choice thinking output_config "
                "metadata temperature top_p top_k", "")
        refuse_unless(b["model"] == "claude-sonnet-4-5", f"model {b['model']}")
        refuse_unless(isinstance(b.get("max_tokens"), int) and b["max_tokens"] > 0, "max_tokens: Field required")
        c = conversation(stream=bool(b.get("stream")), stop=b.get("stop_sequences") or [], max_tokens=b["max_tokens"])
        if "system" in b:
            blocks = [{"type": "text", "text": b["system"]}] if isinstance(b["system"], str) else b["system"]
            for s in blocks:
                only(s, "type text cache_control", "system[].")
                refuse_unless(s["text"].strip(), "system: text content blocks must be non-empty")
            c["system"] = "\n\n".join(s["text"] for s in blocks)
            c["marks"] = any("cache_control" in s for s in blocks)
        if "metadata" in b:
            only(b["metadata"], "user_id", "metadata.")
            c["user"] = b["metadata"]["user_id"]
        thinking = b.get("thinking") or {"type": "disabled"}
        refuse_unless(thinking["type"] in ("enabled", "disabled"), f"thinking {thinking} on this model")
        if thinking["type"] == "enabled":
            refuse_unless(1024 <= thinking["budget_tokens"] < b["max_tokens"], f"budget {thinking}, {b['max_tokens']}")
            refuse_unless(b.get("temperature", 1) == 1, "temperature with thinking")
            c["reasoning"] = True
        for t in b.get("tools", []):
            only(t, "name description input_schema strict type cache_control", "tools[].")
            good_tool(t["name"], t["input_schema"])
            refuse_unless(t["input_schema"].get("type") == "object", "input_schema.type: must be object")
            refuse_unless(not {"oneOf", "anyOf", "allOf"} & set(t["input_schema"]), "input_schema: oneOf at the top level")
            c["tools"].append({"name": t["name"], "description": t.get("description"), "schema": t["input_schema"]})
        if "tool_choice" in b:
            v = b["tool_choice"]
            only(v, "type name disable_parallel_tool_use", "tool_choice.")
            c["parallel"] = False if v.get("disable_parallel_tool_use") else None
            refuse_unless(c["tools"], "tool_choice without tools")
            refuse_unless(v["type"] in ("auto", "any", "tool", "none"), f"tool_choice {v}")
            refuse_unless(not (c["reasoning"] and v["type"] in ("any", "tool")), "Thinking may not be enabled when "
                          "tool_choice forces tool use")
            c["choice"] = ("named", v["name"]) if v["type"] == "tool" else {"any": "required"}.get(v["type"], v["type"])
        f = (b.get("output_config") or {}).get("format")
        if f:
            only(b["output_config"], "format effort", "output_config.")
            self.check_closed(f["schema"])
            c["schema"] = f["schema"]
        self.parse_messages(c, b["messages"])
        return c

    def check_closed(self, s):
        if isinstance(s, dict):
            if s.get("type") == "object":
                refuse_unless(s.get("additionalProperties") is False, "additionalProperties must be false")
            for v in s.values():
                self.check_closed(v)

    def parse_messages(self, c, messages):
        refuse_unless(messages and messages[0]["role"] == "user", "first message must use the user role")
        open_ids, last = [], None
        for m in messages:
            refuse_unless(m["role"] in ("user", "assistant"), f"role {m['role']}")
            blocks = m["content"] if isinstance(m["content"], list) else [{"type": "text", "text": m["content"]}]
            refuse_unless(blocks, "content: at least one block")
            if m["role"] == "assistant":
                refuse_unless(not open_ids, f"tool_use without tool_result: {open_ids}")
                last = blocks
                parts = [self.parse_block(b, open_ids) for b in blocks]
                c["turns"].append({"role": "assistant", "parts": parts})
                continue
            answers, rest = [], []
            for b in blocks:
                if b["type"] == "tool_result":
                    only(b, "type tool_use_id content is_error cache_control", "tool_result.")
                    refuse_unless(not rest, "tool_result blocks come first")
                    refuse_unless(b["tool_use_id"] in open_ids, f"unexpected tool_use_id {b['tool_use_id']}")
                    open_ids.remove(b["tool_use_id"])
                    v = b.get("content", "")
                    inner = [text(v)] if isinstance(v, str) else [self.parse_block(x, None) for x in v]
                    answers.append(result(b["tool_use_id"], None, joined(inner, "text"),
                                          [x for x in inner if x["t"] == "image"]))
                else:
                    refuse_unless(not open_ids, f"tool_use ids without tool_result: {open_ids}")
                    rest.append(self.parse_block(b, None))
            refuse_unless(not open_ids, f"tool_use ids without tool_result: {open_ids}")
            if answers:
                c["turns"].append({"role": "tool", "parts": answers})
            if rest:
                c["turns"].append({"role": "user", "parts": rest})
        refuse_unless(not open_ids, "ends with tool_use")
        refuse_unless(messages[-1]["role"] == "user", "ends with an assistant turn")
        if c["reasoning"] and last and any(b["type"] == "tool_use" for b in last):
            refuse_unless(last[0]["type"] == "thinking", "Expected `thinking`, but found `tool_use`")

    def parse_block(self, b, open_ids):
        if b["type"] == "text":
            only(b, "type text cache_control", "text.")
            refuse_unless(b["text"].strip(), "text content blocks must be non-empty")
            return text(b["text"])
        if b["type"] == "image" and open_ids is None:
            s = b["source"]
            if s["type"] == "url":
                return linked(s["url"])
            refuse_unless(s["type"] == "base64" and s["media_type"].startswith("image/") and BASE64.match(s["data"]),
                          "image.source")
            return image(s["media_type"], s["data"])
        refuse_unless(open_ids is not None, f"{b['type']} in a user turn")
        if b["type"] == "thinking":
            only(b, "type thinking signature", "thinking.")
            refuse_unless(b["signature"] == self.signature, "Invalid `signature` in `thinking` block")
            return think(b["thinking"], b["signature"])
        refuse_unless(b["type"] == "tool_use", f"block {b['type']}")
        only(b, "type id name input cache_control", "tool_use.")
        refuse_unless(ID.match(b["id"]) and isinstance(b["input"], dict), f"tool_use {b}")
        open_ids.append(b["id"])
        return call(b["id"], b["name"], b["input"])

    def usage(self, a):
        u = a["usage"]
        written = u["written"] or 0
        r = {"input_tokens": u["prompt"] - (u["cached"] or 0) - written, "cache_creation_input_tokens": written,
             "cache_read_input_tokens": u["cached"] or 0, "output_tokens": u["completion"],
             "service_tier": "standard"}
        if u["reasoning"] is not None:
            r["output_tokens_details"] = {"thinking_tokens": u["reasoning"]}
        return r

    def blocks(self, a):
        for p in a["parts"]:
            if p["t"] == "think":
                yield {"type": "thinking", "thinking": p["text"], "signature": p["sig"]}
            elif p["t"] == "call":
                yield {"type": "tool_use", "id": p["id"], "name": p["name"], "input": p["args"]}
            else:
                yield {"type": "text", "text": p["text"], "citations": [
                    {"type": "web_search_result_location", "cited_text": "x", "url": x, "title": "T",
                     "encrypted_index": "Eo8B"} for x in a["sources"]] or None}

    def end(self, a):
        return {"stop_reason": "stop_sequence" if a["stop_sequence"] else FINISH[a["finish"]],
                "stop_sequence": a["stop_sequence"]}

    def reply(self, a, **more):
        return {"id": "msg_vendor1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
                "content": list(self.blocks(a)), **self.end(a), "usage": self.usage(a), **more}

    def frames(self, a):
        def ev(kind, **more):
            return sse_frame({"type": kind, **more}, kind)

        u = self.usage(a)
        yield ev("message_start", message=self.reply(a, content=[], stop_reason=None, stop_sequence=None,
                                                     usage={**u, "output_tokens": 1}))
        yield ev("ping")
        for i, b in enumerate(self.blocks(a)):
            if b["type"] == "text":
                yield ev("content_block_start", index=i, content_block={"type": "text", "text": ""})
                deltas = [{"type": "text_delta", "text": s} for s in split(b["text"], PIECES)]
                deltas += [{"type": "citations_delta", "citation": x} for x in b["citations"] or []]
            elif b["type"] == "thinking":
                yield ev("content_block_start", index=i, content_block={"type": "thinking", "thinking": "", "signature": ""})
                deltas = [{"type": "thinking_delta", "thinking": s} for s in split(b["thinking"], PIECES)]
                deltas.append({"type": "signature_delta", "signature": b["signature"]})
            else:
                yield ev("content_block_start", index=i, content_block={**b, "input": {}})
                pieces = ["", *split(json.dumps(b["input"]), PIECES)] if b["input"] else [""]
                deltas = [{"type": "input_json_delta", "partial_json": s} for s in pieces]
            for d in deltas:
                yield ev("content_block_delta", index=i, delta=d)
            yield ev("content_block_stop", index=i)
        yield ev("message_delta", delta=self.end(a), usage={k: u[k] for k in u if "output" in k})
        yield ev("message_stop")

    def error(self, status, message):
        kind = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error",
                429: "rate_limit_error", 529: "overloaded_error"}.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}

    def error_frames(self, message, n):
        yield sse_frame(self.error(500, message), "error")

    def means(self, conv):
        if conv["max_tokens"] is None:
            conv["max_tokens"] = "any"
        return system_text(conv)

import json
import re

from dialects.base import BASE64, Dialect, add_system, good_tool, only, token_entry, PIECES
from neutral import answer, call, conversation, image, joined, need, of_kind, refuse_unless, result, text, think
from wire import parse_json, split

NO_CHOICE = "Ollama's API has no tool_choice"


class Ollama(Dialect):
    name = "ollama"
    model = "ollama_chat/qwen3:8b"
    stream_type = "application/x-ndjson"
    tells = "logprobs"
    cannot_ask = {"tool_choice_required": NO_CHOICE, "tool_choice_named": NO_CHOICE, "tool_choice_none": NO_CHOICE,
                  "schema_tool": "Ollama's own clients know that $ref is dropped", "developer": "Ollama knows no developer", "one_call": "Ollama has no such switch",
                  "n": "Ollama gives one answer", "result_image": "Ollama's tool messages hold no pictures",
                  "image_link": "Ollama takes bytes only", "cache_marks": "Ollama has no marks",
                  "user_id": "Ollama asks for no end user", "array_stream": "only Gemini has such a stream"}
    cannot_answer = {"refusal": "Ollama has no refusal apart from text", "blocked": "Ollama has no content filter"}

    # ---- client ----

    def path(self, model, stream):
        return "/api/chat"

    def path_of_form(self, model, form):
        return "/api/generate"

    def read_form(self, form, reply, model, stream):
        lines = [parse_json(x) for x in reply.body.decode().split("\n")[:-1]] if stream else [reply.json()]
        for v in lines:
            need("message" not in v and isinstance(v["response"], str), "response")
            v["message"] = {"role": "assistant", "content": v["response"]}
        return self.gather(lines, model)

    def body(self, model, conv):
        if conv["form"]:
            return {"model": model, "prompt": joined(conv["turns"][0]["parts"], "text"), "system": conv["system"],
                    **({} if conv["stream"] else {"stream": False})}
        b = {"model": model, "messages": []}
        if conv["system"]:
            b["messages"].append({"role": "system", "content": conv["system"]})
        for t in conv["turns"]:
            b["messages"] += self.messages(t)
        if conv["tools"]:
            b["tools"] = [{"type": "function", "function": {"name": t["name"], "description": t["description"],
                                                            "parameters": t["schema"]}} for t in conv["tools"]]
        o = {}
        if conv["stop"]:
            o["stop"] = conv["stop"]
        if conv["max_tokens"]:
            o["num_predict"] = conv["max_tokens"]
        if o:
            b["options"] = o
        if conv["schema"]:
            b["format"] = conv["schema"]
        if conv["json"]:
            b["format"] = "json"
        if conv["logprobs"]:
            b["logprobs"] = True
        if conv["reasoning"]:
            b["think"] = "medium"
        if not conv["stream"]:
            b["stream"] = False
        return b

    def messages(self, t):
        parts = t["parts"]
        if t["role"] == "tool":
            return [{"role": "tool", "content": p["text"], "tool_name": p["name"], "tool_call_id": p["id"]}
                    for p in parts]
        m = {"role": t["role"], "content": joined(parts, "text")}
        if of_kind(parts, "image"):
            m["images"] = [p["data"] for p in of_kind(parts, "image")]
        if of_kind(parts, "think"):
            m["thinking"] = joined(parts, "think")
        if of_kind(parts, "call"):
            m["tool_calls"] = [{"id": p["id"], "function": {"name": p["name"], "arguments": p["args"]}}
                               for p in of_kind(parts, "call")]
        return [m]

    def read_reply(self, reply, model):
        v = reply.json()
        return self.gather([v], model)

    def gather(self, lines, model):
        parts, tokens = [], []
        for i, v in enumerate(lines):
            tokens += [(t["token"], t["logprob"]) for t in v.get("logprobs") or []]
            need(v["model"] == model, f"model {v['model']!r}")
            need(re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$", v["created_at"]),
                 f"created_at {v['created_at']}")
            m = v["message"]
            need(m["role"] == "assistant" and isinstance(m["content"], str), "message: role, content")
            need(isinstance(v["done"], bool) and v["done"] == (i == len(lines) - 1), "done in the last line only")
            for kind, k in (("think", "thinking"), ("text", "content")):
                if m.get(k):
                    if parts and parts[-1]["t"] == kind:
                        parts[-1]["text"] += m[k]
                    else:
                        parts.append({"t": kind, "text": m[k], "sig": None})
            for t in m.get("tool_calls") or []:
                need(isinstance(t["function"]["arguments"], dict), "arguments must be an object")
                parts.append(call(t.get("id"), t["function"]["name"], t["function"]["arguments"]))
        last = lines[-1]
        need(last["done_reason"] in ("stop", "length"), f"done_reason {last['done_reason']}")
        for k in ("total_duration", "eval_duration", "prompt_eval_duration"):
            need(isinstance(last[k], int) and last[k] > 0, f"{k} must be there, clients divide by it")
        finish = "length" if last["done_reason"] == "length" else "tool" if of_kind(parts, "call") else "stop"
        return {**answer(finish=finish), "parts": parts, "logprobs": tokens,
                "usage": {"prompt": last["prompt_eval_count"], "completion": last["eval_count"], "cached": None,
                          "reasoning": None}}

    def read_stream(self, raw, model, broken=False):
        need(raw.endswith(b"\n") and b"\n\n" not in raw, "a blank line breaks the Go client")
        lines = [parse_json(x) for x in raw.decode().split("\n")[:-1]]
        if broken:
            need(set(lines[-1]) == {"error"} and isinstance(lines[-1]["error"], str), f"last line {lines[-1]}")
            need(not any(x.get("done") for x in lines), "done beside an error")
            return "".join(x["message"]["content"] for x in lines[:-1]), lines[-1]["error"]
        need(all("error" not in x for x in lines), f"error: {lines[-1]}")
        return self.gather(lines, model)

    def read_error(self, reply):
        v = reply.json()
        need(isinstance(v["error"], str), f"error {v}")
        return v["error"]

    def keepalives(self, raw):
        return raw.count(b'"content":""') - 1

    # ---- vendor ----

    def parse(self, path, fields, b):
        refuse_unless(path == "/api/chat", f"404 {path}")
        only(b, "model messages stream format tools options think keep_alive logprobs top_logprobs", "")
        refuse_unless(b["model"] == "qwen3:8b", f"model {b['model']}")
        o = b.get("options") or {}
        only(o, "num_predict temperature top_k top_p min_p seed stop num_ctx", "options.")
        refuse_unless(isinstance(o.get("stop", []), list), "option stop must be an array")
        c = conversation(stream=b.get("stream", True), stop=o.get("stop") or [], max_tokens=o.get("num_predict"))
        refuse_unless(b.get("think") in (None, True, False, "low", "medium", "high"), f"think {b.get('think')}")
        c["reasoning"] = bool(b.get("think"))
        for t in b.get("tools") or []:
            refuse_unless(t["type"] == "function", "tools[].type")
            only(t["function"], "name description parameters", "tools[].function.")
            good_tool(t["function"]["name"], t["function"]["parameters"])
            refuse_unless(t["function"]["parameters"].get("type") == "object", "parameters.type")
            self.check_schema(t["function"]["parameters"])
            c["tools"].append({"name": t["function"]["name"], "description": t["function"].get("description"),
                               "schema": t["function"]["parameters"]})
        if isinstance(b.get("format"), dict):
            c["schema"] = b["format"]
        c["json"], c["logprobs"] = b.get("format") == "json", b.get("logprobs")
        asked, n = [], 0
        for m in b["messages"]:
            only(m, "role content thinking images tool_calls tool_name tool_call_id", "messages[].")
            refuse_unless(isinstance(m["content"], str), "cannot unmarshal array into ChatRequest.messages.content")
            refuse_unless(m["role"] in ("system", "user", "assistant", "tool"), f"role {m['role']}")
            if m["role"] == "system":
                add_system(c, m["content"])
                continue
            if m["role"] == "tool":
                match = next((x for x in asked if x[1] == m.get("tool_name") and
                              m.get("tool_call_id") in (None, x[0])), None)
                refuse_unless(match, f"tool_name {m.get('tool_name')!r}: no such call")
                asked.remove(match)
                c["turns"].append({"role": "tool", "parts": [result(match[0], match[1], m["content"])]})
                continue
            parts = [think(m["thinking"])] if m.get("thinking") else []
            if m["content"]:
                parts.append(text(m["content"]))
            for data in m.get("images") or []:
                refuse_unless(isinstance(data, str) and BASE64.match(data), f"illegal base64 data: {str(data)[:30]}")
                parts.append(image("image/png" if data.startswith("iVBOR") else "?", data))
            for t in m.get("tool_calls") or []:
                f = t["function"]
                refuse_unless(isinstance(f["arguments"], dict), "arguments: expected an object")
                n += 1
                asked.append((t.get("id") or f"order_{n}", f["name"]))
                parts.append(call(asked[-1][0], f["name"], f["arguments"]))
            c["turns"].append({"role": m["role"], "parts": parts})
        refuse_unless(not asked, f"calls without results: {asked}")
        return c

    def check_schema(self, s):
        """The real one drops a $ref without a word: the model never sees what it stands for."""
        for v in s.values() if isinstance(s, dict) else s if isinstance(s, list) else []:
            refuse_unless(not (isinstance(v, dict) and "$ref" in v), "$ref in a schema")
            self.check_schema(v)

    def told(self, a):
        a = super().told(a)
        a["usage"]["reasoning"] = a["usage"]["cached"] = None
        a["stop_sequence"] = None
        return a

    def line(self, message, **more):
        return {"model": "qwen3:8b", "created_at": "2026-11-23T10:00:00.123456789Z",
                "message": {"role": "assistant", "content": "", **message}, "done": False, **more}

    def end(self, a):
        return {"done": True, "done_reason": "length" if a["finish"] == "length" else "stop", "total_duration": 5000000,
                "load_duration": 1000, "prompt_eval_count": a["usage"]["prompt"], "prompt_eval_duration": 100,
                "eval_count": a["usage"]["completion"], "eval_duration": 400}

    def calls(self, a):
        return [{"id": p["id"], "function": {"index": i, "name": p["name"], "arguments": p["args"]}}
                for i, p in enumerate(of_kind(a["parts"], "call"))]

    def reply(self, a):
        m = {"content": joined(a["parts"], "text", "refusal")}
        if of_kind(a["parts"], "think"):
            m["thinking"] = joined(a["parts"], "think")
        if self.calls(a):
            m["tool_calls"] = self.calls(a)
        more = {"logprobs": [token_entry(*t) for t in a["logprobs"]]} if a["logprobs"] else {}
        return self.line(m, **more, **self.end(a))

    def frames(self, a):
        def out(v):
            return (json.dumps(v) + "\n").encode()

        for p in a["parts"]:
            if p["t"] in ("think", "text"):
                pieces = [(s, {}) for s in split(p["text"], PIECES)]
                if a["logprobs"]:
                    pieces = [(t, {"logprobs": [token_entry(t, x)]}) for t, x in a["logprobs"]]
                for s, more in pieces:
                    yield out(self.line({"thinking" if p["t"] == "think" else "content": s}, **more))
        if self.calls(a):
            yield out(self.line({"tool_calls": self.calls(a)}))
        yield out(self.line({}, **self.end(a)))

    def error(self, status, message):
        return {"error": message}

    def error_frames(self, message, n):
        yield (json.dumps({"error": message}) + "\n").encode()

    def means(self, conv):
        if conv["choice"] == "none":  # no tool can be called where none is offered
            conv["tools"], conv["choice"] = [], None
        elif isinstance(conv["choice"], tuple):
            conv["tools"] = [t for t in conv["tools"] if t["name"] == conv["choice"][1]]
        return conv

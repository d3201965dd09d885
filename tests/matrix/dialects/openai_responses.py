import json

from dialects.base import (Dialect, Pairing, add_system, good_tool, link_or_image, object_of, only, sse_frame,
                           token_entry, url_of, PIECES)
from neutral import answer, call, conversation, joined, need, refuse_unless, result, text, think
from wire import parse_json, split, sse

TERMINAL = ("response.completed", "response.incomplete", "response.failed")


class OpenAIResponses(Dialect):
    name = "responses"
    model = "openai/responses/gpt-test"
    signature = "gAAAAABencryptedReasoning0123456789=="
    tells = "logprobs sources written"
    cannot_ask = {"stop_sequence": "Responses has no stop sequences", "n": "Responses has no alternatives",
                  "cache_marks": "Responses has no marks",
                  "array_stream": "only Gemini has such a stream", "generate": "only Ollama has such an endpoint"}

    # ---- client ----

    def path(self, model, stream):
        return "/v1/responses"

    def body(self, model, conv):
        b = {"model": model, "input": [], "store": False}
        if conv["system"] and conv["developer"]:
            b["input"].append({"role": "developer", "content": conv["system"]})
        elif conv["system"]:
            b["instructions"] = conv["system"]
        for t in conv["turns"]:
            b["input"] += self.items(t)
        if conv["tools"]:
            b["tools"] = [{"type": "function", "name": t["name"], "description": t["description"],
                           "parameters": t["schema"], "strict": False} for t in conv["tools"]]
        if conv["choice"]:
            c = conv["choice"]
            b["tool_choice"] = {"type": "function", "name": c[1]} if isinstance(c, tuple) else c
        if conv["max_tokens"]:
            b["max_output_tokens"] = conv["max_tokens"]
        if conv["schema"]:
            b["text"] = {"format": {"type": "json_schema", "name": "out", "strict": True, "schema": conv["schema"]}}
        if conv["reasoning"]:
            b["reasoning"] = {"effort": "medium", "summary": "auto"}
            b["include"] = ["reasoning.encrypted_content"]
        if conv["json"]:
            b["text"] = {"format": {"type": "json_object"}}
        if conv["parallel"] is not None:
            b["parallel_tool_calls"] = conv["parallel"]
        if conv["logprobs"]:
            b["include"] = ["message.output_text.logprobs"]
        if conv["user"]:
            b["safety_identifier"] = conv["user"]
        if conv["stream"]:
            b["stream"] = True
        return b

    def items(self, turn):
        out, role = [], turn["role"]
        if role == "user":
            return [{"role": "user", "content": [
                {"type": "input_text", "text": p["text"]} if p["t"] == "text" else
                {"type": "input_image", "image_url": url_of(p), "detail": "auto"}
                for p in turn["parts"]]}]
        if role == "system":
            return [{"role": "system", "content": joined(turn["parts"], "text")}]
        for i, p in enumerate(turn["parts"]):
            if p["t"] == "result":
                output = p["text"]
                if p["images"]:
                    output = [{"type": "input_text", "text": p["text"]},
                              *[{"type": "input_image", "image_url": url_of(i), "detail": "auto"} for i in p["images"]]]
                out.append({"type": "function_call_output", "call_id": p["id"], "output": output})
            elif p["t"] == "call":
                out.append({"type": "function_call", "id": f"fc_{i}", "call_id": p["id"], "name": p["name"],
                            "arguments": json.dumps(p["args"]), "status": "completed"})
            elif p["t"] == "think":
                item = {"type": "reasoning", "id": p.get("item") or f"rs_{i}",
                        "summary": [{"type": "summary_text", "text": p["text"]}] if p["text"] else []}
                if p["sig"]:
                    item["encrypted_content"] = p["sig"]
                out.append(item)
            else:
                out.append({"type": "message", "role": "assistant", "content": [
                    {"type": "output_text", "text": p["text"], "annotations": []}], "status": "completed",
                            "id": f"msg_{i}"})
        return out

    def read_reply(self, reply, model):
        return self.of_response(reply.json(), model)

    def of_response(self, v, model):
        need(v.get("object") == "response" and v["id"].startswith("resp_"), f"object, id {v.get('id')}")
        need(v["model"] == model, f"model {v['model']!r}")
        for k in ("created_at", "status", "error", "incomplete_details", "instructions", "output",
                  "parallel_tool_calls", "tool_choice", "tools", "usage"):
            need(k in v, f"response.{k} is missing")
        need(v["error"] is None, f"error {v['error']}")
        parts, finish, tokens, sources = [], "stop", [], []
        for item in v["output"]:
            need(item.get("id"), "an item without id")
            if item["type"] == "reasoning":
                p = think("".join(s["text"] for s in item["summary"]), item.get("encrypted_content"))
                p["item"] = item["id"]
                parts.append(p)
            elif item["type"] == "message":
                need(item["role"] == "assistant" and item["status"] in ("completed", "incomplete"), "message item")
                for c in item["content"]:
                    if c["type"] == "output_text":
                        need(isinstance(c["annotations"], list), "annotations")
                        parts.append(text(c["text"]))
                        tokens += [(t["token"], t["logprob"]) for t in c["logprobs"]]
                        sources += [n["url"] for n in c["annotations"] if n["type"] == "url_citation"]
                    else:
                        need(c["type"] == "refusal", f"content part {c['type']}")
                        parts.append({"t": "refusal", "text": c["refusal"]})
            else:
                need(item["type"] == "function_call", f"item {item['type']}")
                parts.append(call(item["call_id"], item["name"], parse_json(item["arguments"])))
                finish = "tool"
        if v["status"] == "incomplete":
            finish = {"max_output_tokens": "length", "content_filter": "filter"}[v["incomplete_details"]["reason"]]
        else:
            need(v["status"] == "completed" and v["incomplete_details"] is None, f"status {v['status']}")
        u = v["usage"]
        need(u and u["total_tokens"] == u["input_tokens"] + u["output_tokens"], f"usage {u}")
        usage = {"prompt": u["input_tokens"], "completion": u["output_tokens"],
                 "cached": u["input_tokens_details"]["cached_tokens"],
                 "written": u["input_tokens_details"].get("cache_write_tokens"),
                 "reasoning": u["output_tokens_details"]["reasoning_tokens"]}
        return {**answer(finish=finish), "logprobs": tokens, "sources": sources, "parts": [p for p in parts if p.get("text", "x") or p.get("sig")],
                "usage": usage}

    def read_stream(self, raw, model, broken=False):
        events = [(n, parse_json(d)) for n, d in sse(raw) if n != ":"]
        need(events and events[0][0] == "response.created", "the first event is response.created")
        items, texts, ended, error, words = {}, {}, None, None, ""
        for i, (name, v) in enumerate(events):
            need(name == v["type"], f"event {name} is {v['type']}")
            # the gateway's own end of a relayed stream has none: the numbers are the vendor's
            need(v.get("sequence_number", i if broken and name in ("error", "response.failed") else None) == i,
                 f"{name}: sequence_number {v.get('sequence_number')}, not {i}")
            need(ended is None, f"{name} behind the end")
            if name in TERMINAL:
                ended = v["response"]
                need((name, ended["status"]) in [(t, t[9:]) for t in TERMINAL], f"{name}: {ended['status']}")
            elif name == "error":
                error = v.get("message") or v["error"]["message"]
            elif name == "response.output_item.added":
                need(v["output_index"] == len(items), "output_index")
                items[v["output_index"]] = {"added": v["item"], "done": None, "pieces": "", "whole": None}
            elif name == "response.output_item.done":
                need(items[v["output_index"]]["added"]["id"] == v["item"]["id"], "an item's id changes")
                items[v["output_index"]]["done"] = v["item"]
            elif name.endswith(".delta"):
                it = items[v["output_index"]]
                need(it["done"] is None and it["added"]["id"] == v["item_id"], f"{name} of a closed item")
                it["pieces"] += v["delta"]
                words += v["delta"] if "output_text" in name else ""
            elif name.endswith("_text.done") or name.endswith("arguments.done"):
                it = items[v["output_index"]]
                it["whole"] = v.get("text", v.get("arguments"))
                need(it["whole"] == it["pieces"], f"{name} {it['whole']!r} is not what came, {it['pieces']!r}")
        if broken:
            need(ended is not None and ended["status"] == "failed", "no response.failed")
            need(isinstance(ended["error"]["message"], str) and ended["error"]["code"], "error.message, code")
            return words, ended["error"]["message"]
        need(ended is not None, "no end")
        need(error is None and ended["status"] != "failed", f"error: {error} {ended.get('error')}")
        need([items[i]["done"] for i in sorted(items)] == ended["output"], "output is not the items that came")
        for it in items.values():
            if it["done"]["type"] == "function_call":
                need(it["done"]["arguments"] == it["pieces"] == it["whole"], "arguments in pieces and whole")
        return self.of_response(ended, model)

    def read_error(self, reply):
        e = reply.json()["error"]
        need({"message", "type", "param", "code"} <= set(e), f"error members {sorted(e)}")
        return e["message"]

    def keepalives(self, raw):
        # before and in a relayed stream, whose numbers are the vendor's: comments
        return raw.count(b"event: keepalive\n") + raw.count(b": keep-alive\n\n")

    # ---- vendor ----

    def parse(self, path, fields, b):
        refuse_unless(path == "/v1/responses", f"404 {path}")
        refuse_unless(fields.get("authorization") == "Bearer sk-vendor", "no key")
        only(b, "model input instructions tools tool_choice parallel_tool_calls max_output_tokens text reasoning "
                "include store stream temperature top_p truncation top_logprobs safety_identifier user", "")
        refuse_unless(b["model"] == "gpt-test", f"model {b['model']}")
        c = conversation(stream=bool(b.get("stream")), system=b.get("instructions"))
        c["max_tokens"] = b.get("max_output_tokens")
        refuse_unless("parallel_tool_calls" not in b or b.get("tools"), "parallel_tool_calls without tools")
        c["parallel"], c["user"] = b.get("parallel_tool_calls"), b.get("safety_identifier", b.get("user"))
        for x in b.get("include") or []:
            refuse_unless(x in ("reasoning.encrypted_content", "message.output_text.logprobs"), f"include {x}")
        c["logprobs"] = "message.output_text.logprobs" in (b.get("include") or [])
        c["reasoning"] = (b.get("reasoning") or {}).get("effort", "none") not in ("none", "minimal")
        for t in b.get("tools", []):
            only(t, "type name description parameters strict", "tools[].")
            refuse_unless(t["type"] == "function", "tools[].type")
            good_tool(t["name"], t.get("parameters"))
            refuse_unless(t.get("strict") is False or (t.get("parameters") or {}).get("additionalProperties") is False,
                          f"tool {t['name']}: strict needs additionalProperties: false")
            c["tools"].append({"name": t["name"], "description": t.get("description"),
                               "schema": t.get("parameters") or {"type": "object"}})
        if "tool_choice" in b:
            v = b["tool_choice"]
            refuse_unless(c["tools"] or v in ("auto", "none"), "tool_choice without tools")
            c["choice"] = ("named", v["name"]) if isinstance(v, dict) else v
        f = (b.get("text") or {}).get("format")
        if f and f["type"] == "json_schema":
            only(f, "type name description schema strict", "text.format.")
            good_tool(f.get("name"), f["schema"])
            c["schema"] = f["schema"]
        if f and f["type"] == "json_object":
            refuse_unless("json" in json.dumps(b["input"]).lower(), "'input' must contain the word 'json'")
            c["json"] = True
        items = b["input"]
        if isinstance(items, str):
            items = [{"role": "user", "content": items}]
        refuse_unless(items, "input: empty")
        self.parse_items(c, items)
        return c

    def parse_items(self, c, items):
        pairs = Pairing()
        pending = False  # a reasoning item wants its item behind it
        for it in items:
            kind = it.get("type", "message")
            if kind == "reasoning":
                only(it, "type id summary content encrypted_content status", "input[].")
                refuse_unless(it.get("id", "rs_").startswith("rs_") and isinstance(it["summary"], list), "reasoning: id, summary")
                refuse_unless(it.get("encrypted_content") == self.signature, "encrypted_content cannot be verified")
                self.add(c, "assistant", think("".join(s["text"] for s in it["summary"]), it["encrypted_content"]))
                pending = True
                continue
            if kind == "function_call":
                only(it, "type id call_id name arguments status", "input[].")
                refuse_unless("id" not in it or it["id"].startswith("fc_"), f"input[].id {it.get('id')}: begins with 'fc'")
                pairs.call(it["call_id"], it["name"])
                self.add(c, "assistant", call(it["call_id"], it["name"], object_of(it["arguments"], "arguments")))
            elif kind == "function_call_output":
                refuse_unless(not pending, "reasoning without its following item")
                only(it, "type id call_id output status", "input[].")
                name = pairs.result(it["call_id"])
                out = it["output"]
                parts = [{"type": "input_text", "text": out}] if isinstance(out, str) else out
                images = [link_or_image(p["image_url"]) for p in parts if p["type"] == "input_image"]
                out = "".join(p["text"] for p in parts if p["type"] == "input_text")
                self.add(c, "tool", result(it["call_id"], name, out, images))
            else:
                refuse_unless(kind == "message", f"input[].type {kind}")
                only(it, "type role content id status", "input[].")
                pairs.other()
                self.parse_message(c, it)
            pending = False
        pairs.other()
        refuse_unless(not pending, "reasoning without its following item")

    def parse_message(self, c, it):
        role, content = it["role"], it["content"]
        refuse_unless(role in ("user", "assistant", "system", "developer"), f"role {role}")
        kind = "output_text" if role == "assistant" else "input_text"
        parts = [{"type": kind, "text": content}] if isinstance(content, str) else content
        refuse_unless(parts, "content: empty")
        for p in parts:
            if p["type"] == "input_image" and role == "user":
                only(p, "type image_url detail", "content[].")
                self.add(c, role, link_or_image(p["image_url"]))
                continue
            refuse_unless(p["type"] in (kind, "refusal"), f"{p['type']} in a {role} message")
            if role in ("system", "developer"):
                add_system(c, p["text"])
            else:
                self.add(c, role, text(p["text"]))

    def add(self, c, role, part):
        if not c["turns"] or c["turns"][-1]["role"] != role:
            c["turns"].append({"role": role, "parts": []})
        c["turns"][-1]["parts"].append(part)

    def told(self, a):
        a = super().told(a)
        a["stop_sequence"] = None
        return a

    def usage(self, a):
        u = a["usage"]
        return {"input_tokens": u["prompt"], "input_tokens_details": {
            "cached_tokens": u["cached"] or 0, **({"cache_write_tokens": u["written"]} if u["written"] else {})},
                "output_tokens": u["completion"], "output_tokens_details": {"reasoning_tokens": u["reasoning"] or 0},
                "total_tokens": u["prompt"] + u["completion"]}

    def output(self, a):
        out = []
        for i, p in enumerate(a["parts"]):
            if p["t"] == "think":
                out.append({"id": f"rs_{i}", "type": "reasoning", "summary": [{"type": "summary_text", "text": p["text"]}],
                            "encrypted_content": p["sig"]})
            elif p["t"] == "call":
                out.append({"id": f"fc_{i}", "type": "function_call", "status": "completed", "call_id": p["id"],
                            "name": p["name"], "arguments": json.dumps(p["args"])})
            else:
                part = ({"type": "refusal", "refusal": p["text"]} if p["t"] == "refusal" else
                        {"type": "output_text", "text": p["text"], "annotations": self.notes(a),
                         "logprobs": [token_entry(*t) for t in a["logprobs"]]})
                out.append({"id": f"msg_{i}", "type": "message", "role": "assistant", "status": "completed",
                            "content": [part]})
        return out

    def notes(self, a):
        return [{"type": "url_citation", "start_index": 0, "end_index": 3, "title": "T", "url": u} for u in a["sources"]]

    def response(self, a, **more):
        return {"id": "resp_vendor1", "object": "response", "created_at": 1790000000, "status": "in_progress",
                "background": False, "error": None, "incomplete_details": None, "instructions": None,
                "max_output_tokens": None, "model": "gpt-test-01", "output": [], "parallel_tool_calls": True,
                "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": False,
                "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
                "top_p": 1.0, "truncation": "disabled", "usage": None, "user": None, "metadata": {}, **more}

    def reply(self, a):
        why = {"length": "max_output_tokens", "filter": "content_filter"}.get(a["finish"])
        return self.response(a, status="incomplete" if why else "completed", output=self.output(a),
                             incomplete_details={"reason": why} if why else None, usage=self.usage(a))

    def frames(self, a):
        n = [0]

        def ev(kind, **more):
            n[0] += 1
            return sse_frame({"type": kind, "sequence_number": n[0] - 1, **more}, kind)

        yield ev("response.created", response=self.response(a))
        yield ev("response.in_progress", response=self.response(a))
        for i, item in enumerate(self.output(a)):
            at = {"item_id": item["id"], "output_index": i}
            if item["type"] == "reasoning":
                s = item["summary"][0]["text"]
                yield ev("response.output_item.added", output_index=i, item={**item, "summary": []})
                yield ev("response.reasoning_summary_part.added", **at, summary_index=0,
                         part={"type": "summary_text", "text": ""})
                for x in split(s, PIECES):
                    yield ev("response.reasoning_summary_text.delta", **at, summary_index=0, delta=x)
                yield ev("response.reasoning_summary_text.done", **at, summary_index=0, text=s)
                yield ev("response.reasoning_summary_part.done", **at, summary_index=0, part=item["summary"][0])
            elif item["type"] == "function_call":
                yield ev("response.output_item.added", output_index=i,
                         item={**item, "arguments": "", "status": "in_progress"})
                for x in split(item["arguments"], PIECES):
                    yield ev("response.function_call_arguments.delta", **at, delta=x)
                yield ev("response.function_call_arguments.done", **at, arguments=item["arguments"])
            else:
                part = item["content"][0]
                kind, member = (("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text"))
                yield ev("response.output_item.added", output_index=i,
                         item={**item, "content": [], "status": "in_progress"})
                begun = {**part, member: "", **({"annotations": [], "logprobs": []} if member == "text" else {})}
                yield ev("response.content_part.added", **at, content_index=0, part=begun)
                pieces = [(x, []) for x in split(part[member], PIECES)]
                if a["logprobs"]:
                    pieces = [(t, [token_entry(t, x)]) for t, x in a["logprobs"]]
                for x, tokens in pieces:
                    yield ev(f"response.{kind}.delta", **at, content_index=0, delta=x, logprobs=tokens)
                for k, note in enumerate(part.get("annotations", [])):
                    yield ev("response.output_text.annotation.added", **at, content_index=0, annotation_index=k,
                             annotation=note)
                yield ev(f"response.{kind}.done", **at, content_index=0, **{member: part[member]},
                         logprobs=part.get("logprobs", []))
                yield ev("response.content_part.done", **at, content_index=0, part=part)
            yield ev("response.output_item.done", output_index=i, item=item)
        final = self.reply(a)
        yield ev(f"response.{final['status']}", response=final)

    def error(self, status, message):
        return {"error": {"message": message, "type": "some_error", "param": None, "code": None}}

    def error_frames(self, message, n):
        yield sse_frame({"type": "error", "sequence_number": n, "code": "server_error", "message": message,
                         "param": None}, "error")
        yield sse_frame({"type": "response.failed", "sequence_number": n + 1, "response": self.response(
            None, status="failed", error={"code": "server_error", "message": message})}, "response.failed")

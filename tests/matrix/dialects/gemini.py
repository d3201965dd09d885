import json
import re

from dialects.base import BASE64, Dialect, only, sse_frame, system_text, PIECES
from neutral import answer, call, conversation, image, joined, need, of_kind, refuse_unless, result, text, think
from wire import parse_json, split, sse

FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP", "filter": "SAFETY"}
SKIP = "skip_thought_signature_validator"


class Gemini(Dialect):
    name = "gemini"
    model = "gemini/gemini-3-flash-preview"
    signature = "CiQB0e2Kb3+GeminiThought/Signature012345678A"
    signs_calls = True

    tells = "others logprobs sources"
    cannot_ask = {"empty_assistant": "Gemini refuses empty parts", "system_middle": "Gemini has one system instruction", "developer": "Gemini knows no developer",
                  "one_call": "Gemini has no such switch", "cache_marks": "Gemini has no marks",
                  "user_id": "Gemini asks for no end user", "image_link": "Gemini's addresses are Google's own files",
                  "generate": "only Ollama has such an endpoint"}
    cannot_answer = {"refusal": "Gemini has no refusal apart from text"}

    # ---- client ----

    def path(self, model, stream):
        return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")

    def path_of_form(self, model, form):
        return f"/v1beta/models/{model}:streamGenerateContent"

    def read_form(self, form, reply, model, stream):
        need(reply.fields.get("content-type", "").startswith("application/json"), "an array is JSON")
        return self.gather(parse_json(reply.body.decode()), model)

    def body(self, model, conv):
        g, b = {}, {"contents": [self.content(t) for t in conv["turns"]]}
        if conv["system"]:
            b["systemInstruction"] = {"parts": [{"text": conv["system"]}]}
        if conv["tools"]:
            b["tools"] = [{"functionDeclarations": [self.declaration(t) for t in conv["tools"]]}]
        if conv["choice"]:
            c = conv["choice"]
            mode = {"auto": "AUTO", "none": "NONE", "required": "ANY"}.get(c, "ANY")
            b["toolConfig"] = {"functionCallingConfig": {"mode": mode}}
            if isinstance(c, tuple):
                b["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] = [c[1]]
        if conv["stop"]:
            g["stopSequences"] = conv["stop"]
        if conv["max_tokens"]:
            g["maxOutputTokens"] = conv["max_tokens"]
        if conv["schema"]:
            g["responseMimeType"] = "application/json"
            g["responseJsonSchema"] = conv["schema"]
        if conv["json"]:
            g["responseMimeType"] = "application/json"
        if conv["n"]:
            g["candidateCount"] = conv["n"]
        if conv["logprobs"]:
            g["responseLogprobs"] = True
        if conv["reasoning"]:
            g["thinkingConfig"] = {"includeThoughts": True, "thinkingLevel": "MEDIUM"}
        if g:
            b["generationConfig"] = g
        return b

    def declaration(self, t):
        d = {"name": t["name"], "description": t["description"]}
        if t["schema"].get("properties"):
            d["parametersJsonSchema"] = self.own_schema(t["schema"])
        return d

    def own_schema(self, s):
        """As Google's own clients write it: they know no const."""
        if isinstance(s, list):
            return [self.own_schema(x) for x in s]
        if not isinstance(s, dict):
            return s
        return {("enum" if k == "const" else k): [v] if k == "const" else self.own_schema(v) for k, v in s.items()}

    def content(self, t):
        parts = []
        for p in t["parts"]:
            if p["t"] == "text":
                parts.append({"text": p["text"]})
            elif p["t"] == "think":
                parts.append({"text": p["text"], "thought": True})
                if p["sig"]:
                    parts[-1]["thoughtSignature"] = p["sig"]
            elif p["t"] == "image":
                parts.append({"inlineData": {"mimeType": p["mime"], "data": p["data"]}})
            elif p["t"] == "call":
                parts.append({"functionCall": {"id": p["id"], "name": p["name"], "args": p["args"]}})
                if p["sig"]:
                    parts[-1]["thoughtSignature"] = p["sig"]
            else:
                r = {"id": p["id"], "name": p["name"], "response": {"output": p["text"]}}
                if p["images"]:
                    r["parts"] = [{"inlineData": {"mimeType": i["mime"], "data": i["data"]}} for i in p["images"]]
                parts.append({"functionResponse": r})
        return {"role": "model" if t["role"] == "assistant" else "user", "parts": parts}

    def read_reply(self, reply, model):
        v = reply.json()
        return self.gather([v], model)

    def gather(self, frames, model):
        parts, finish, usage, others, tokens, sources = [], [], None, {}, [], []
        for v in frames:
            if v.get("usageMetadata"):
                usage = v["usageMetadata"]
            if v.get("modelVersion"):
                need(v["modelVersion"] == model, f"modelVersion {v['modelVersion']!r}")
            for c in v.get("candidates", []):
                i = c.get("index", 0)
                if i:
                    others[i] = others.get(i, "") + "".join(p.get("text", "") for p in c["content"]["parts"])
            c = next((c for c in v.get("candidates") or [] if not c.get("index")), {})
            tokens += [(t["token"], t["logProbability"])
                       for t in (c.get("logprobsResult") or {}).get("chosenCandidates", [])]
            sources += [x["web"]["uri"] for x in (c.get("groundingMetadata") or {}).get("groundingChunks", [])]
            if "content" in c:
                need(c["content"]["role"] == "model", "role")
            for p in (c.get("content") or {}).get("parts") or []:
                if "functionCall" in p:
                    f = p["functionCall"]
                    need(isinstance(f.get("args", {}), dict), "args must be an object")
                    parts.append(call(f.get("id"), f["name"], f.get("args", {}), p.get("thoughtSignature")))
                elif "text" in p:
                    kind = "think" if p.get("thought") else "text"
                    if parts and parts[-1]["t"] == kind:
                        parts[-1]["text"] += p["text"]
                        if p.get("thoughtSignature"):
                            parts[-1]["sig"] = p["thoughtSignature"]
                    elif p["text"] or p.get("thoughtSignature"):
                        parts.append(think(p["text"], p.get("thoughtSignature")) if p.get("thought") else
                                     text(p["text"]))
            if c.get("finishReason"):
                finish.append(c["finishReason"])
            if (v.get("promptFeedback") or {}).get("blockReason"):
                finish.append("SAFETY")
        need(len(finish) == 1, f"finishReasons {finish}")
        need(usage, "no usageMetadata")
        thoughts = usage.get("thoughtsTokenCount")
        need(usage["totalTokenCount"] == usage["promptTokenCount"] + usage.get("candidatesTokenCount", 0) +
             (thoughts or 0), f"totalTokenCount {usage}")
        back = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "filter"}[finish[0]]
        if back == "stop" and of_kind(parts, "call"):
            back = "tool"
        return {**answer(finish=back), "parts": parts, "others": [others[i] for i in sorted(others)],
                "logprobs": tokens, "sources": sources,
                "usage": {"prompt": usage["promptTokenCount"],
                          "completion": usage.get("candidatesTokenCount", 0) + (thoughts or 0),
                          "cached": usage.get("cachedContentTokenCount"), "reasoning": thoughts}}

    def read_stream(self, raw, model, broken=False):
        need(not re.search(rb"(?m)^(:|event:)", raw), "only data: lines, the Python SDK reads nothing else")
        frames = [parse_json(d) for _, d in sse(raw)]
        errors = [f["error"] for f in frames if "error" in f]
        if broken:
            need(len(errors) == 1 and "error" in frames[-1], "no error, or something behind it")
            need(isinstance(errors[0]["code"], int) and 400 <= errors[0]["code"] < 600, f"code {errors[0]}")
            words, finish = "", []
            for f in frames[:-1]:
                for c in f.get("candidates", []):
                    words += "".join(p.get("text", "") for p in (c.get("content") or {}).get("parts", [])
                                     if not p.get("thought"))
                    finish += [c["finishReason"]] if c.get("finishReason") else []
            need(not finish, "a finish beside the error")
            return words, errors[0]["message"]
        need(not errors, f"error: {errors}")
        need(frames and (frames[-1].get("candidates") or [{}])[0].get("finishReason") or frames[-1].get("promptFeedback"),
             "the last frame has no finishReason")
        need("usageMetadata" in frames[-1], "the last frame has no usage")
        return self.gather(frames, model)

    def read_error(self, reply):
        e = reply.json()["error"]
        need(e["code"] == reply.status and e["status"] and isinstance(e["message"], str), f"error {e}")
        return e["message"]

    def keepalives(self, raw):
        # an empty line, or a frame without parts: comments break the Python SDK
        return len(re.findall(rb"(?<=\r\n\r\n)\r\n|\A\r\n|(?<=\n\n)\r?\n", raw)) + raw.count(b'"parts":[]')

    # ---- vendor ----

    def parse(self, path, fields, b):
        m = re.fullmatch(r"/v1beta/models/gemini-3-flash-preview:(generateContent|streamGenerateContent\?alt=sse)", path)
        refuse_unless(m, f"404 {path}")
        refuse_unless(fields.get("x-goog-api-key") == "sk-vendor", "no key")
        only(b, "contents systemInstruction tools toolConfig generationConfig safetySettings", "")
        g = b.get("generationConfig") or {}
        only(g, "temperature topP topK maxOutputTokens stopSequences responseMimeType responseSchema "
                "responseJsonSchema thinkingConfig candidateCount seed responseLogprobs logprobs", "generationConfig.")
        c = conversation(stream=m.group(1) != "generateContent", stop=g.get("stopSequences") or [])
        c["max_tokens"] = g.get("maxOutputTokens")
        c["n"], c["logprobs"] = g.get("candidateCount"), g.get("responseLogprobs")
        refuse_unless("logprobs" not in g or g.get("responseLogprobs"), "logprobs without responseLogprobs")
        if "systemInstruction" in b:
            c["system"] = "\n\n".join(p["text"] for p in b["systemInstruction"]["parts"])
        t = g.get("thinkingConfig") or {}
        only(t, "includeThoughts thinkingBudget thinkingLevel", "thinkingConfig.")
        refuse_unless(not ("thinkingBudget" in t and "thinkingLevel" in t), "both budget and level")
        refuse_unless(t.get("thinkingLevel", "LOW").upper() in ("MINIMAL", "LOW", "MEDIUM", "HIGH"), f"level {t}")
        c["reasoning"] = bool(t.get("includeThoughts"))
        for tool in b.get("tools", []):
            only(tool, "functionDeclarations", "tools[].")
            for d in tool["functionDeclarations"]:
                only(d, "name description parameters parametersJsonSchema", "functionDeclarations[].")
                refuse_unless(not ("parameters" in d and "parametersJsonSchema" in d), "parameters twice")
                refuse_unless(re.match(r"^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$", d["name"]), f"name {d['name']}")
                s = d.get("parameters", d.get("parametersJsonSchema"))
                refuse_unless(s is None or s.get("properties"), "object schema without properties")
                self.check_schema(s, "parameters" in d)
                c["tools"].append({"name": d["name"], "description": d.get("description"),
                                   "schema": s or {"type": "object"}})
        f = (b.get("toolConfig") or {}).get("functionCallingConfig")
        if f:
            only(f, "mode allowedFunctionNames", "functionCallingConfig.")
            names = f.get("allowedFunctionNames") or []
            refuse_unless(not names or f["mode"] in ("ANY", "VALIDATED"), "allowedFunctionNames needs ANY")
            c["choice"] = (("named", names[0]) if len(names) == 1 else
                           {"AUTO": "auto", "ANY": "required", "NONE": "none"}[f["mode"]])
        if g.get("responseMimeType") == "application/json":
            c["schema"] = g.get("responseJsonSchema", g.get("responseSchema"))
            c["json"] = c["schema"] is None
        self.parse_contents(c, b["contents"])
        return c

    def check_schema(self, s, openapi):
        """What the field does not know is an error, and a $ref has no neighbours."""
        known = ("type format title description nullable enum items properties required propertyOrdering minItems maxItems "
                 "minLength maxLength minProperties maxProperties minimum maximum pattern example default anyOf" if openapi
                 else "$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems "
                 "minimum maximum anyOf oneOf properties additionalProperties required propertyOrdering")
        if not isinstance(s, dict):
            return
        only(s, known, "schema.")
        refuse_unless("$ref" not in s or all(k.startswith("$") for k in s), "$ref with neighbours")
        for k, v in s.items():
            for x in v.values() if k in ("properties", "$defs") else v if isinstance(v, list) else [v]:
                self.check_schema(x, openapi)

    def parse_contents(self, c, contents):
        refuse_unless(contents and contents[0]["role"] == "user", "the first content is the user's")
        pending, ids, role = [], {}, None
        last_user = max([i for i, t in enumerate(contents) if t["role"] == "user" and
                         any("functionResponse" not in p for p in t["parts"])], default=0)
        for i, t in enumerate(contents):
            refuse_unless(t["role"] in ("user", "model"), f"role {t['role']}: use user or model")
            refuse_unless(t["role"] != role, "roles must alternate")
            role = t["role"]
            only(t, "role parts", "contents[].")
            refuse_unless(t["parts"], "parts: empty")
            kinds = {k for p in t["parts"] for k in p}
            responses = [p["functionResponse"] for p in t["parts"] if "functionResponse" in p]
            refuse_unless(len(responses) == len(pending), f"{len(pending)} calls, {len(responses)} responses")
            if role == "model":
                calls = [p for p in t["parts"] if "functionCall" in p]
                if calls and i > last_user:
                    refuse_unless(calls[0].get("thoughtSignature") in (self.signature, SKIP),
                                  f"Function call is missing a thought_signature: {calls[0].get('thoughtSignature')}")
            refuse_unless(role == "model" or "functionCall" not in kinds, "functionCall of a user")
            turn, got = [], []
            for p in t["parts"]:
                only(p, "text thought thoughtSignature inlineData functionCall functionResponse", "parts[].")
                sig = p.get("thoughtSignature")
                refuse_unless(sig in (None, self.signature, SKIP), "Corrupted thought signature.")
                if "functionCall" in p:
                    f = p["functionCall"]
                    only(f, "id name args", "functionCall.")
                    refuse_unless(isinstance(f.get("args", {}), dict), "args: expected an object")
                    id = f.get("id") or f"order_{len(ids)}"
                    ids[id] = f["name"]
                    pending.append((id, f["name"]))
                    turn.append(call(id, f["name"], f.get("args", {}), None if sig == SKIP else sig))
                elif "functionResponse" in p:
                    f = p["functionResponse"]
                    only(f, "id name response parts", "functionResponse.")
                    images = [image(x["inlineData"]["mimeType"], x["inlineData"]["data"]) for x in f.get("parts", [])]
                    refuse_unless(f.get("name"), "functionResponse.name: required")
                    refuse_unless(isinstance(f["response"], dict), "response: expected an object")
                    match = next((x for x in pending if x[1] == f["name"] and f.get("id") in (None, x[0])), None)
                    refuse_unless(match, f"functionResponse {f.get('id')} {f['name']} answers no call")
                    pending.remove(match)
                    out = f["response"].get("output", f["response"].get("result"))
                    got.append(result(match[0], f["name"], out if isinstance(out, str) else json.dumps(f["response"]),
                                      images))
                elif "inlineData" in p:
                    d = p["inlineData"]
                    refuse_unless(BASE64.match(d["data"]) and d["mimeType"], "inlineData")
                    turn.append(image(d["mimeType"], d["data"]))
                else:
                    refuse_unless(p.get("text") or sig, "a part without data")
                    if not p.get("thought"):  # a thought without its call says nothing to the model
                        turn.append(text(p["text"]))
            if got:
                c["turns"].append({"role": "tool", "parts": got})
            if turn:
                c["turns"].append({"role": "assistant" if role == "model" else "user", "parts": turn})
        refuse_unless(not pending and role == "user", "ends with the model's turn")

    def told(self, a):
        a = super().told(a)
        a["stop_sequence"] = None  # finishReason says STOP, whatever stopped it
        for p in of_kind(a["parts"], "call")[:1]:  # signed whether or not thoughts are shown
            p["sig"] = self.signature
        return a

    def means(self, conv):
        return system_text(conv)

    def wants_back(self, a):
        # thoughts need not come back, the signature of the first call must
        return [("", p["sig"]) for p in a["parts"] if p["t"] == "call" and p.get("sig")]

    def usage(self, a):
        u = a["usage"]
        r = {"promptTokenCount": u["prompt"], "candidatesTokenCount": u["completion"] - (u["reasoning"] or 0),
             "totalTokenCount": u["prompt"] + u["completion"]}
        if u["cached"] is not None:
            r["cachedContentTokenCount"] = u["cached"]
        if u["reasoning"] is not None:
            r["thoughtsTokenCount"] = u["reasoning"]
        return r

    def part(self, p):
        if p["t"] == "call":
            r = {"functionCall": {"id": p["id"], "name": p["name"], "args": p["args"]}}
        else:
            r = {"text": p["text"]}
            if p["t"] == "think":
                r["thought"] = True
        if p.get("sig"):
            r["thoughtSignature"] = p["sig"]
        return r

    def beside(self, a):
        r = {}
        if a["logprobs"]:
            chosen = [{"token": t, "tokenId": 1, "logProbability": x} for t, x in a["logprobs"]]
            r["logprobsResult"] = {"chosenCandidates": chosen, "topCandidates": [{"candidates": []} for _ in chosen]}
        if a["sources"]:
            r["groundingMetadata"] = {"groundingChunks": [{"web": {"uri": u, "title": "T"}} for u in a["sources"]],
                                      "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 3, "text": "Ada"},
                                                             "groundingChunkIndices": [0]}]}
        return r

    def others(self, a):
        return [{"index": i + 1, "content": {"role": "model", "parts": [{"text": s}]}, "finishReason": "STOP"}
                for i, s in enumerate(a["others"])]

    def frame(self, a, parts, others=(), **more):
        return {"candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, **more}, *others],
                "usageMetadata": self.usage(a), "modelVersion": "gemini-3-flash-preview", "responseId": "vendor1"}

    def reply(self, a):
        return self.frame(a, [self.part(p) for p in a["parts"]], self.others(a), finishReason=FINISH[a["finish"]],
                          **self.beside(a))

    def frames(self, a):
        for p in a["parts"]:
            if p["t"] == "call":
                yield sse_frame(self.frame(a, [self.part(p)]))
                continue
            for s in split(p["text"], PIECES):
                yield sse_frame(self.frame(a, [self.part({**p, "text": s})]))
        yield sse_frame(self.frame(a, [{"text": ""}], self.others(a), finishReason=FINISH[a["finish"]], **self.beside(a)))

    def error(self, status, message):
        word = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
                500: "INTERNAL"}.get(status, "UNAVAILABLE")
        return {"error": {"code": status, "message": message, "status": word}}

    def error_frames(self, message, n):
        yield sse_frame(self.error(500, message))

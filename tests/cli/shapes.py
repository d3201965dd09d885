"""How each API asks and answers, for tests: requests by function, readers and end marks by table."""
import http.client
import json


def ask(port, path, body=None, method=None, headers=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    c.request(method or ("POST" if body is not None else "GET"), path,
              json.dumps(body) if body is not None else None, headers or {})
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    return r.status, r.headers, text


def frames(text):
    """The JSON objects of an SSE or NDJSON text."""
    out = []
    for line in text.splitlines():
        line = line.removeprefix("data: ").strip()
        if line.startswith("{"):
            out.append(json.loads(line))
    return out


TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def openai(text, stream, tools):
    b = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
    if tools:
        b["tools"] = [{"type": "function", "function": {"name": "f", "parameters": TOOL}}]
    return "/v1/chat/completions", b


def responses(text, stream, tools):
    b = {"model": "m", "stream": stream, "input": text}
    if tools:
        b["tools"] = [{"type": "function", "name": "f", "parameters": TOOL}]
    return "/v1/responses", b


def anthropic(text, stream, tools):
    b = {"model": "m", "stream": stream, "max_tokens": 99, "messages": [{"role": "user", "content": text}]}
    if tools:
        b["tools"] = [{"name": "f", "input_schema": TOOL}]
    return "/v1/messages", b


def gemini(text, stream, tools):
    b = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    if tools:
        b["tools"] = [{"functionDeclarations": [{"name": "f", "parameters": TOOL}]}]
    return "/v1beta/models/m:" + ("streamGenerateContent?alt=sse" if stream else "generateContent"), b


def cohere(text, stream, tools):
    _, b = openai(text, stream, tools)
    return "/v2/chat", b


def ollama(text, stream, tools):
    _, b = openai(text, stream, tools)
    return "/api/chat", b


def generate(text, stream, tools):
    return "/api/generate", {"model": "m", "stream": stream, "prompt": text}


# How each API says: the text, the calls, the usage (prompt, completion) of a whole answer.
READ = {
    openai: lambda r: (r["choices"][0]["message"]["content"],
                       [(c["function"]["name"], json.loads(c["function"]["arguments"]))
                        for c in r["choices"][0]["message"].get("tool_calls", [])],
                       r["usage"]["prompt_tokens"]),
    responses: lambda r: ("".join(p["text"] for i in r["output"] if i["type"] == "message" for p in i["content"]),
                          [(i["name"], json.loads(i["arguments"])) for i in r["output"] if i["type"] == "function_call"],
                          r["usage"]["input_tokens"]),
    anthropic: lambda r: ("".join(b["text"] for b in r["content"] if b["type"] == "text"),
                          [(b["name"], b["input"]) for b in r["content"] if b["type"] == "tool_use"],
                          r["usage"]["input_tokens"] + r["usage"]["cache_read_input_tokens"]),
    gemini: lambda r: ("".join(p["text"] for p in r["candidates"][0]["content"]["parts"] if "text" in p and not p.get("thought")),
                       [(p["functionCall"]["name"], p["functionCall"]["args"])
                        for p in r["candidates"][0]["content"]["parts"] if "functionCall" in p],
                       r["usageMetadata"]["promptTokenCount"]),
    cohere: lambda r: ("".join(p.get("text", "") for p in r["message"].get("content", [])),
                       [(c["function"]["name"], json.loads(c["function"]["arguments"]))
                        for c in r["message"].get("tool_calls", [])],
                       r["usage"]["tokens"]["input_tokens"]),
    ollama: lambda r: (r["message"]["content"],
                       [(c["function"]["name"], c["function"]["arguments"]) for c in r["message"].get("tool_calls", [])],
                       r["prompt_eval_count"]),
    generate: lambda r: (r["response"], [], r["prompt_eval_count"]),
}
ERRORS = {
    openai: lambda r: r["error"]["message"], responses: lambda r: r["error"]["message"],
    anthropic: lambda r: r["error"]["message"], gemini: lambda r: r["error"]["message"],
    cohere: lambda r: r["message"], ollama: lambda r: r["error"], generate: lambda r: r["error"],
}
ENDS = {openai: "data: [DONE]", responses: "response.completed", anthropic: "message_stop", gemini: "finishReason",
        cohere: "data: [DONE]", ollama: '"done":true', generate: '"done":true'}


def stream_openai(items):
    text, calls = "", {}
    for item in items:
        for choice in item["choices"]:
            text += choice["delta"].get("content") or ""
            for c in choice["delta"].get("tool_calls") or []:
                call = calls.setdefault(c["index"], ["", ""])
                call[0] += c["function"].get("name") or ""
                call[1] += c["function"].get("arguments") or ""
    return text, [(n, json.loads(a)) for n, a in calls.values()]


def stream_responses(items):
    text = "".join(i["delta"] for i in items if i["type"] == "response.output_text.delta")
    return text, READ[responses](items[-1]["response"])[1]


def stream_anthropic(items):
    text, calls = "", {}
    for i in items:
        if i["type"] == "content_block_start" and i["content_block"]["type"] == "tool_use":
            calls[i["index"]] = [i["content_block"]["name"], ""]
        if i["type"] == "content_block_delta":
            text += i["delta"].get("text", "")
            if "partial_json" in i["delta"]:
                calls[i["index"]][1] += i["delta"]["partial_json"]
    return text, [(n, json.loads(a)) for n, a in calls.values()]


def stream_gemini(items):
    parts = [p for i in items for p in i["candidates"][0].get("content", {}).get("parts", [])]
    return ("".join(p["text"] for p in parts if "text" in p and not p.get("thought")),
            [(p["functionCall"]["name"], p["functionCall"]["args"]) for p in parts if "functionCall" in p])


def stream_cohere(items):
    text, calls = "", []
    for i in items:
        message = i.get("delta", {}).get("message", {})
        if i["type"] == "content-delta":
            text += message["content"].get("text", "")
        if i["type"] == "tool-plan-delta":
            text += message["tool_plan"]
        if i["type"] == "tool-call-start":
            calls.append([message["tool_calls"]["function"]["name"], ""])
        if i["type"] == "tool-call-delta":
            calls[-1][1] += message["tool_calls"]["function"]["arguments"]
    return text, [(n, json.loads(a)) for n, a in calls]


def stream_ollama(items):
    return ("".join(i["message"]["content"] for i in items),
            [(c["function"]["name"], c["function"]["arguments"]) for i in items for c in i["message"].get("tool_calls", [])])


def stream_generate(items):
    return "".join(i["response"] for i in items), []


# Text and calls of a stream's JSON objects.
STREAM = {openai: stream_openai, responses: stream_responses, anthropic: stream_anthropic, gemini: stream_gemini,
          cohere: stream_cohere, ollama: stream_ollama, generate: stream_generate}

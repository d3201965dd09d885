"""The neutral form of a conversation and of an answer, and what two of them differ in.

A part is a dict: {"t": "text"|"think"|"image"|"call"|"result"|"refusal", ...}. A conversation:

    {"system", "turns": [{"role": "user"|"assistant"|"tool", "parts"}], "tools": [{"name",
     "description", "schema"}], "choice": None|"auto"|"required"|"none"|("named", NAME), "stop",
     "max_tokens", "schema", "reasoning", "stream", "json": JSON of any shape, "parallel": False: one
     call at a time, "n": alternatives, "logprobs", "user": the end user's id, "developer": the system
     prompt is called so, "marks": the system prompt is marked for a prompt cache, "form": a way of the
     client's own to ask ("array": Gemini without alt=sse, "generate": Ollama's old endpoint)}

An answer: {"parts", "finish": "stop"|"length"|"tool"|"filter", "stop_sequence", "usage":
{"prompt", "completion", "cached", "reasoning", "written"}, "others": texts of further alternatives,
"logprobs": [(token, logprob)], "sources": addresses that it cites}. Usage counts as OpenAI does:
prompt includes what was cached, completion includes reasoning.
"""
import copy


LINKED = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="  # what lies there


class Refuse(Exception):
    """The vendor answers 400."""


class Malformed(Exception):
    """An official SDK would trip over what the gateway sent."""


def need(ok, text):
    if not ok:
        raise Malformed(text)


def refuse_unless(ok, text):
    if not ok:
        raise Refuse(text)


def text(s):
    return {"t": "text", "text": s}


def think(s, sig=None):
    return {"t": "think", "text": s, "sig": sig}


def call(id, name, args, sig=None):
    return {"t": "call", "id": id, "name": name, "args": args, "sig": sig}


def result(id, name, s, images=()):
    return {"t": "result", "id": id, "name": name, "text": s, "images": list(images)}


def image(mime, data):
    return {"t": "image", "mime": mime, "data": data}


def linked(url):
    """A picture by its address; None: the file server's, the runner fills it in."""
    return {"t": "link", "url": url}


def system(s):
    return {"role": "system", "parts": [text(s)]}


def user(*parts):
    return {"role": "user", "parts": [text(p) if isinstance(p, str) else p for p in parts]}


def assistant(*parts):
    return {"role": "assistant", "parts": [text(p) if isinstance(p, str) else p for p in parts]}


def results(*parts):
    return {"role": "tool", "parts": list(parts)}


def conversation(*turns, **more):
    c = {"system": None, "turns": list(turns), "tools": [], "choice": None, "stop": [], "max_tokens": None,
         "schema": None, "reasoning": False, "stream": False, "json": False, "parallel": None, "n": None,
         "logprobs": False, "user": None, "developer": False, "marks": False, "form": None}
    assert set(more) <= set(c), more
    c.update(more)
    return c


def answer(*parts, finish="stop", usage=None, **more):
    return {"parts": [text(p) if isinstance(p, str) else p for p in parts], "finish": finish,
            "stop_sequence": None, "interleave": False, "others": [], "logprobs": [], "sources": [],
            "usage": {"prompt": 11, "completion": 7, "cached": None, "reasoning": None, "written": None,
                      **(usage or {})}, **more}


def of_kind(parts, kind):
    return [p for p in parts if p["t"] == kind]


def joined(parts, *kinds):
    return "".join(p["text"] for p in parts if p["t"] in kinds)


def plain_schema(s):
    """A schema up to what vendors spell differently: case of types, closed objects."""
    if isinstance(s, list):
        return [plain_schema(x) for x in s]
    if not isinstance(s, dict):
        return s
    r = {k: plain_schema(v) for k, v in s.items() if k != "additionalProperties"}
    if isinstance(r.get("type"), str):
        r["type"] = r["type"].lower()
    if r.get("type") == "object" and not r.get("properties"):
        r.pop("properties", None)
        r.pop("required", None)
    return r


def request_facets(c):
    """What a request says, by facet; ids of calls are numbered as they occur."""
    ids, turns, thinking, images = {}, [], [], []
    for t in c["turns"]:
        items = []
        for p in t["parts"]:
            if p["t"] == "call":
                ids[p["id"]] = len(ids)
                items.append(("call", ids[p["id"]], p["name"], repr(sorted(p["args"].items()))))
            elif p["t"] == "result":
                items.append(("result", ids.get(p["id"], "?"), p["text"]))
                images += [i["data"] for i in p.get("images", ())]
            elif p["t"] == "image":
                items.append(("image", p["mime"], p["data"]))
                images.append(p["data"])
            elif p["t"] == "link":
                items.append(("image", "image/png", LINKED))
                images.append(LINKED)
            elif p["t"] in ("text", "refusal") and p["text"]:
                items.append(("text", p["text"]))
            if p["t"] == "think" or p.get("sig"):
                thinking.append((p.get("text", ""), p.get("sig")))
        if turns and turns[-1][0] == t["role"]:
            turns[-1][1].extend(items)
        elif items:
            turns.append((t["role"], items))
    for role, items in turns:
        if role == "tool":
            items.sort()  # which call a result answers is told by id or name, not only by order
    return {"system": c["system"] or None, "turns": turns, "thinking": thinking, "choice": c["choice"] or "auto",
            "tools": [(t["name"], t["description"], plain_schema(t["schema"])) for t in c["tools"]],
            "stop": c["stop"] or [], "max_tokens": c["max_tokens"], "schema": plain_schema(c["schema"]),
            "reasoning": bool(c["reasoning"]), "stream": c["stream"], "images": sorted(images),
            "json": bool(c["json"]), "parallel": c["parallel"] is not False, "n": c["n"] or 1,
            "logprobs": bool(c["logprobs"]), "user": c["user"], "marks": bool(c["marks"]),
            "results": sorted(i for t in turns if t[0] == "tool" for i in t[1])}


def answer_facets(a):
    return {"words": joined(a["parts"], "text", "refusal"), "thinking": joined(a["parts"], "think"),
            "calls": [(p["name"], p["args"]) for p in of_kind(a["parts"], "call")],
            "order": [p["t"] for i, p in enumerate(a["parts"]) if p["t"] in ("text", "call") and
                      (i == 0 or a["parts"][i - 1]["t"] != p["t"])],
            "finish": a["finish"], "stop_sequence": a["stop_sequence"], "others": a.get("others", []),
            "logprobs": a.get("logprobs", []), "sources": a.get("sources", []),
            **{"usage." + k: v for k, v in a["usage"].items()}}


def differences(prefix, want, got):
    """{facet: "want ..., got ..."} of two dicts of facets."""
    return {prefix + k: f"want {want[k]!r}, got {got.get(k)!r}" for k in want if want[k] != got.get(k)}


def clone(x):
    return copy.deepcopy(x)

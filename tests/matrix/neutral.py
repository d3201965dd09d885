"""The neutral form of a conversation and of an answer, and what two of them differ in.

A part is a dict: {"t": "text"|"think"|"image"|"call"|"result"|"refusal", ...}. A conversation:

    {"system", "turns": [{"role": "user"|"assistant"|"tool", "parts"}], "tools": [{"name",
     "description", "schema"}], "choice": None|"auto"|"required"|"none"|("named", NAME), "stop",
     "max_tokens", "schema", "reasoning", "stream"}

An answer: {"parts", "finish": "stop"|"length"|"tool"|"filter", "stop_sequence", "usage":
{"prompt", "completion", "cached", "reasoning"}}. Usage counts as OpenAI does: prompt includes what
was cached, completion includes reasoning.
"""
import copy


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


def result(id, name, s):
    return {"t": "result", "id": id, "name": name, "text": s}


def image(mime, data):
    return {"t": "image", "mime": mime, "data": data}


def user(*parts):
    return {"role": "user", "parts": [text(p) if isinstance(p, str) else p for p in parts]}


def assistant(*parts):
    return {"role": "assistant", "parts": [text(p) if isinstance(p, str) else p for p in parts]}


def results(*parts):
    return {"role": "tool", "parts": list(parts)}


def conversation(*turns, **more):
    c = {"system": None, "turns": list(turns), "tools": [], "choice": None, "stop": [], "max_tokens": None,
         "schema": None, "reasoning": False, "stream": False}
    assert set(more) <= set(c), more
    c.update(more)
    return c


def answer(*parts, finish="stop", usage=None, **more):
    return {"parts": [text(p) if isinstance(p, str) else p for p in parts], "finish": finish,
            "stop_sequence": None, "interleave": False,
            "usage": {"prompt": 11, "completion": 7, "cached": None, "reasoning": None, **(usage or {})}, **more}


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
    ids, turns, thinking = {}, [], []
    for t in c["turns"]:
        items = []
        for p in t["parts"]:
            if p["t"] == "call":
                ids[p["id"]] = len(ids)
                items.append(("call", ids[p["id"]], p["name"], repr(sorted(p["args"].items()))))
            elif p["t"] == "result":
                items.append(("result", ids.get(p["id"], "?"), p["text"]))
            elif p["t"] == "image":
                items.append(("image", p["mime"], p["data"]))
            elif p["t"] in ("text", "refusal"):
                items.append(("text", p["text"]))
            if p["t"] == "think" or p.get("sig"):
                thinking.append((p.get("text", ""), p.get("sig")))
        if turns and turns[-1][0] == t["role"]:
            turns[-1][1].extend(items)
        elif items:
            turns.append((t["role"], items))
    return {"system": c["system"] or None, "turns": turns, "thinking": thinking, "choice": c["choice"] or "auto",
            "tools": [(t["name"], t["description"], plain_schema(t["schema"])) for t in c["tools"]],
            "stop": c["stop"] or [], "max_tokens": c["max_tokens"], "schema": plain_schema(c["schema"]),
            "reasoning": bool(c["reasoning"]), "stream": c["stream"]}


def answer_facets(a):
    return {"words": joined(a["parts"], "text", "refusal"), "thinking": joined(a["parts"], "think"),
            "calls": [(p["name"], p["args"]) for p in of_kind(a["parts"], "call")],
            "order": [p["t"] for i, p in enumerate(a["parts"]) if p["t"] in ("text", "call") and
                      (i == 0 or a["parts"][i - 1]["t"] != p["t"])],
            "finish": a["finish"], "stop_sequence": a["stop_sequence"],
            **{"usage." + k: v for k, v in a["usage"].items()}}


def differences(prefix, want, got):
    """{facet: "want ..., got ..."} of two dicts of facets."""
    return {prefix + k: f"want {want[k]!r}, got {got.get(k)!r}" for k in want if want[k] != got.get(k)}


def clone(x):
    return copy.deepcopy(x)

"""What every dialect class offers; see the subclasses for the formats."""
import json
import re

from neutral import clone, refuse_unless

NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
ID = re.compile(r"^[A-Za-z0-9_-]+$")
BASE64 = re.compile(r"^[A-Za-z0-9+/]+={0,2}$")
PIECES = 3  # texts and arguments come in this many pieces


class Dialect:
    name = ""            # in tests and docs
    model = ""           # the deployment's litellm_params.model
    stream_type = "text/event-stream"
    signature = None     # what this vendor signs its thoughts with
    signs_calls = False
    tells = ""           # of "others logprobs sources written": what its answers can say
    # Scenarios that the format has no words for: as client, as vendor. Shown as "-" in the table.
    cannot_ask = {}
    cannot_answer = {}

    # -- client --
    def path(self, model, stream):
        raise NotImplementedError

    def path_of_form(self, model, form):
        raise NotImplementedError

    def read_form(self, form, reply, model, stream):
        raise NotImplementedError

    def body(self, model, conv):
        raise NotImplementedError

    def read_reply(self, reply, model):
        raise NotImplementedError

    def read_stream(self, raw, model, broken=False):
        """The answer of a stream; with `broken`, one that must end in an error: (words, error)."""
        raise NotImplementedError

    def read_error(self, reply):
        """The text of an error answer, checked for shape."""
        raise NotImplementedError

    def asks(self, conv):
        """conv as this client can ask it: with what its format demands."""
        return conv

    # -- vendor --
    def parse(self, path, fields, body):
        raise NotImplementedError

    def reply(self, answer):
        raise NotImplementedError

    def frames(self, answer):
        raise NotImplementedError

    def error(self, status, text):
        raise NotImplementedError

    def error_frames(self, text, n):
        """An error behind n frames."""
        raise NotImplementedError

    def told(self, answer):
        """The answer as this vendor tells it: with its signature, without what it never tells."""
        a = clone(answer)
        for k in ("others", "logprobs", "sources"):
            if k not in self.tells.split():
                a[k] = []
        if "written" not in self.tells.split():
            a["usage"]["written"] = None
        thoughts = [p for p in a["parts"] if p["t"] == "think"]
        calls = [p for p in a["parts"] if p["t"] == "call"]
        if self.signature and thoughts:
            (calls[0] if self.signs_calls and calls else thoughts[0])["sig"] = self.signature
        return a

    def wants_back(self, answer):
        """The `thinking` facet of the turn after that answer."""
        return [(p["text"], p["sig"]) for p in answer["parts"] if p["t"] == "think"]

    def means(self, conv):
        """conv as this vendor is told it, where it has its own way of saying the same."""
        return conv


def only(obj, names, where):
    for k in obj:
        refuse_unless(k in names.split(), f"unknown member {where}{k}")


def object_of(text, where):
    refuse_unless(isinstance(text, str), f"{where}: expected a string of JSON")
    try:
        v = json.loads(text)
    except ValueError:
        v = None
    refuse_unless(isinstance(v, dict), f"{where}: expected a JSON object in a string, got {text!r}")
    return v


def system_text(conv):
    """The system prompt and what is said so later, where a format has one place for both."""
    later = [p["text"] for t in conv["turns"] if t["role"] == "system" for p in t["parts"]]
    conv["turns"] = [t for t in conv["turns"] if t["role"] != "system"]
    if later:
        conv["system"] = "\n\n".join([conv["system"], *later] if conv["system"] else later)
    return conv


def add_system(c, s):
    """A vendor reads a system message, first or in the middle."""
    if c["turns"] or c["system"] is not None:
        c["turns"].append({"role": "system", "parts": [{"t": "text", "text": s}]})
    else:
        c["system"] = s


def link_or_image(url):
    if url.startswith("http"):
        return {"t": "link", "url": url}
    refuse_unless(url.startswith("data:image/") and ";base64," in url, f"image url {url[:40]}")
    mime, _, data = url[5:].partition(";base64,")
    return {"t": "image", "mime": mime, "data": data}


def url_of(p):
    return p["url"] if p["t"] == "link" else f"data:{p['mime']};base64,{p['data']}"


def token_entry(token, logprob):
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}


def good_tool(name, schema):
    refuse_unless(isinstance(name, str) and NAME.match(name), f"tool name {name!r}")
    refuse_unless(schema is None or isinstance(schema, dict), "parameters: expected an object")


class Pairing:
    """Every call of an assistant turn is answered directly behind it, and nothing else is."""

    def __init__(self):
        self.open, self.names = [], {}

    def call(self, id, name):
        refuse_unless(isinstance(id, str) and id, "a tool call without id")
        refuse_unless(id not in self.names, f"tool call id {id} occurs twice")
        refuse_unless(isinstance(name, str) and NAME.match(name), f"name of a called tool: {name!r}")
        self.names[id] = name
        self.open.append(id)

    def result(self, id):
        refuse_unless(id in self.open, f"tool result {id!r} does not answer a call of the turn before")
        self.open.remove(id)
        return self.names[id]

    def other(self):
        refuse_unless(not self.open, f"calls without results: {self.open}")


def sse_frame(data, event=None):
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()

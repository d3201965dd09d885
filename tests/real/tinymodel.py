#!/usr/bin/env python3
"""Makes a language model of 1 MB whose answers are known, for tests against real model servers.

    tinymodel.py chat OUT.gguf        the model, for llama-server (it carries a chat template) and Ollama
    tinymodel.py modelfile OUT.gguf [--mode M]    prints an Ollama Modelfile for it

Nothing is downloaded and nothing is learned. Attention and feed-forward are zero, so all that reaches
the output is the last token's own vector: a one at the place of the "state" it belongs to. The output
matrix says which tokens follow which state, with so large a margin that the answer is the same at any
temperature. What is said is chosen by the chat template, through a marker token in front of the answer:

    call     the request offers tools                       get_weather({"city": "Paris"})
    after    its last message is a tool's result            "The weather is sunny."
    think    its last message contains THINK                reasoning, then "Done thinking."
    long     ... LONG                                       " one two ... ten one two ..." without an end
    json     ... JSON                                       {"answer": 42}
    say      otherwise                                      "Hello from the tiny test model."

A byte of the prompt is a token, so a context can be overflowed to the byte. The last 64 places of a
vector tell bytes apart, so that the mean of a text's vectors serves as an embedding: equal for equal
texts, close for similar ones.
"""
import argparse
import os
import random
import struct
import sys

WIDTH, HEADS, FEED, BLOCKS = 256, 4, 64, 1  # heads of 64 are what every server's attention supports
NOISE = 64         # places at the end of a vector that only tell bytes apart
STATE = 0.9        # what stands at the state's place; the noise makes the rest of length one
MARGIN = 40.0      # the logit of what follows; all others are 0
CONTEXT = 4096

# llama.cpp takes markers with names like <|call|>, <|end|> or <|return|> for ends of an answer, whatever
# their type says: ours are called otherwise.
EOT, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SAYS = {
    "say": ["Hello", " from", " the", " tiny", " test", " model."],
    "call": ["<tool_call>", '\n{"name": "', "get_weather", '", "arguments": ', '{"city": "', "Paris", '"}}\n',
             "</tool_call>"],
    "after": ["The", " weather", " is", " sunny."],
    "think": ["<think>", "\nLet", " me", " think", " about", " it.\n", "</think>", "\n\nDone", " thinking."],
    "json": ['{"answer":', " 42}"],
}
COUNT = [" " + w for w in "one two three four five six seven eight nine ten".split()]

# In llama-server's template language.
TEMPLATE = """\
{%- if tools %}{{ '<|im_start|>system\\nTools are given within <tools></tools>:\\n<tools>' }}
{%- for t in tools %}{{ '\\n' + (t | tojson) }}{%- endfor %}
{{- '\\n</tools>\\nFor a call answer with\\n<tool_call>\\n{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call><|im_end|>\\n' }}
{%- endif %}
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}
{%- if m.role == 'tool' %}{{ '<tool_response>\\n' + m.content + '\\n</tool_response>' }}
{%- elif m.role == 'assistant' %}
{%- if m.reasoning_content %}{{ '<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n' }}{%- endif %}
{%- if m.content %}{{ m.content }}{%- endif %}
{%- for c in (m.tool_calls or []) %}{%- if c.function %}{%- set c = c.function %}{%- endif %}
{{- '\\n<tool_call>\\n{"name": "' + c.name + '", "arguments": ' }}
{%- if c.arguments is string %}{{ c.arguments }}{%- else %}{{ c.arguments | tojson }}{%- endif %}
{{- '}\\n</tool_call>' }}{%- endfor %}
{%- else %}{{ m.content }}{%- endif %}{{ '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- set last = messages[-1] %}
{%- if last.role == 'tool' %}{{ '<|to_after|>' }}
{%- elif tools %}{{ '<|to_call|>' }}
{%- elif 'THINK' in last.content %}{{ '<|to_think|>' }}
{%- elif 'LONG' in last.content %}{{ '<|to_long|>' }}
{%- elif 'JSON' in last.content %}{{ '<|to_json|>' }}
{%- else %}{{ '<|to_say|>' }}{%- endif %}
{%- endif %}"""

# Ollama's template language cannot look into a text: there every mode is a model of its own, and only
# "say" knows tools. Ollama reads from the template what a model can: .Tools, .Thinking, .ToolCalls.
OLLAMA_TEMPLATE = """\
{{- if .Tools }}<|im_start|>system
<tools>
{{ range .Tools }}{{ . }}
{{ end }}</tools>
For a call answer with
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
{{ end }}{{- $last := "" }}{{- range .Messages }}{{- $last = .Role }}<|im_start|>{{ .Role }}
{{ .Content }}{{ if .ToolCalls }}{{ range .ToolCalls }}
<tool_call>
{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
</tool_call>{{ end }}{{ end }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ if eq $last "tool" }}<|to_after|>{{ else if .Tools }}<|to_call|>{{ else }}<|to_say|>{{ end }}"""
OLLAMA_TEMPLATE_PLAIN = """\
{{- range .Messages }}<|im_start|>{{ .Role }}
%s{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
<|to_%s|>"""
OLLAMA_THINKING = "{{- if .Thinking }}<think>\n{{ .Thinking }}\n</think>\n\n{{ end }}"
MODES = ["say", "think", "long", "json"]


def visible_bytes():
    """The letters that byte-level vocabularies write for the 256 bytes: printable ones are themselves."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in plain}
    for b in range(256):
        letters.setdefault(b, chr(256 + len(letters) - len(plain)))
    return letters


LETTERS = visible_bytes()


class Vocabulary:
    NORMAL, CONTROL, USER = 1, 3, 4

    def __init__(self):
        self.tokens, self.kinds, self.states = [], [], []
        self.follows = []  # (state, token)
        self.count = 1     # state 0: any byte of a prompt
        for b in range(256):
            self.add(LETTERS[b], self.NORMAL, 0)
        self.eot, self.start, self.stop = (self.add(t, self.CONTROL, 0) for t in (EOT, START, STOP))
        for mode, words in SAYS.items():
            last = self.add(f"<|to_{mode}|>", self.CONTROL, self.state())
            for word in words:
                mark = word.startswith("<") and word.endswith(">")
                last = self.after(last, word, self.USER if mark else self.NORMAL)
            self.follows.append((self.states[last], self.stop))
        first = last = self.after(self.add("<|to_long|>", self.CONTROL, self.state()), COUNT[0], self.NORMAL)
        for word in COUNT[1:]:
            last = self.after(last, word, self.NORMAL)
        self.follows.append((self.states[last], first))
        self.add(LETTERS[32] * 2, self.NORMAL, 0)  # a vocabulary of this kind needs one merge, and its result
        assert self.count <= WIDTH - NOISE

    def state(self):
        self.count += 1
        return self.count - 1

    def add(self, text, kind, state):
        self.tokens.append(text)
        self.kinds.append(kind)
        self.states.append(state)
        return len(self.tokens) - 1

    def after(self, last, word, kind):
        text = word if kind == self.USER else "".join(LETTERS[b] for b in word.encode())
        token = self.add(text, kind, self.state())
        self.follows.append((self.states[last], token))
        return token

    def vectors(self):
        dice = random.Random(1)
        rest = ((1 - STATE ** 2) / NOISE) ** 0.5
        for state in self.states:
            row = [0.0] * (WIDTH - NOISE) + [dice.choice((-rest, rest)) for _ in range(NOISE)]
            row[state] = STATE
            yield row

    def output(self):
        rows = [[0.0] * WIDTH for _ in self.tokens]
        for state, token in self.follows:
            rows[token][state] = MARGIN / (STATE * WIDTH ** 0.5)  # the norm multiplies by sqrt(WIDTH)
        return rows


# ---- GGUF: a head of keys and values, a table of tensors, then their numbers, each aligned to 32 bytes

F32, F16 = 0, 1


def text(s):
    data = s.encode()
    return struct.pack("<Q", len(data)) + data


def value(v):
    """The type's number and the value."""
    if isinstance(v, bool):
        return struct.pack("<I?", 7, v)
    if isinstance(v, int):
        return struct.pack("<II", 4, v)
    if isinstance(v, float):
        return struct.pack("<If", 6, v)
    if isinstance(v, str):
        return struct.pack("<I", 8) + text(v)
    if isinstance(v[0], str):
        return struct.pack("<IIQ", 9, 8, len(v)) + b"".join(map(text, v))
    return struct.pack(f"<IIQ{len(v)}i", 9, 5, len(v), *v)


def aligned(data):
    return data + b"\0" * (-len(data) % 32)


def write_gguf(path, keys, tensors):
    """tensors: (name, shape with the length of a row first, kind, bytes)."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(keys))
    head += b"".join(text(k) + value(v) for k, v in keys.items())
    offset = 0
    for name, shape, kind, data in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        offset += len(aligned(data))
    with open(path, "wb") as f:
        f.write(aligned(head))
        for _, _, _, data in tensors:
            f.write(aligned(data))


def write_chat(path):
    v = Vocabulary()
    size = len(v.tokens)
    keys = {
        "general.architecture": "llama", "general.name": "tiny-test", "general.file_type": 1,
        "llama.vocab_size": size, "llama.context_length": CONTEXT, "llama.embedding_length": WIDTH,
        "llama.block_count": BLOCKS, "llama.feed_forward_length": FEED,
        "llama.rope.dimension_count": WIDTH // HEADS, "llama.rope.freq_base": 10000.0,
        "llama.attention.head_count": HEADS, "llama.attention.head_count_kv": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": v.tokens,
        "tokenizer.ggml.token_type": v.kinds, "tokenizer.ggml.merges": [f"{LETTERS[32]} {LETTERS[32]}"],
        "tokenizer.ggml.bos_token_id": v.start, "tokenizer.ggml.eos_token_id": v.stop,
        "tokenizer.ggml.padding_token_id": v.eot, "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATE,
    }

    def half(rows):
        return b"".join(struct.pack(f"<{WIDTH}e", *row) for row in rows)

    ones = struct.pack(f"<{WIDTH}f", *[1.0] * WIDTH)
    tensors = [("token_embd.weight", (WIDTH, size), F16, half(v.vectors()))]
    for block in range(BLOCKS):
        zeros = [("attn_q", WIDTH, WIDTH), ("attn_k", WIDTH, WIDTH), ("attn_v", WIDTH, WIDTH),
                 ("attn_output", WIDTH, WIDTH), ("ffn_gate", WIDTH, FEED), ("ffn_up", WIDTH, FEED),
                 ("ffn_down", FEED, WIDTH)]
        tensors += [(f"blk.{block}.{n}.weight", (a, b), F16, bytes(2 * a * b)) for n, a, b in zeros]
        tensors += [(f"blk.{block}.{n}.weight", (WIDTH,), F32, ones) for n in ("attn_norm", "ffn_norm")]
    tensors += [("output_norm.weight", (WIDTH,), F32, ones), ("output.weight", (WIDTH, size), F16, half(v.output()))]
    write_gguf(path, keys, tensors)


def modelfile(path, mode="say"):
    template = OLLAMA_TEMPLATE if mode == "say" else OLLAMA_TEMPLATE_PLAIN % (
        OLLAMA_THINKING if mode == "think" else "", mode)
    return f'FROM {os.path.abspath(path)}\nTEMPLATE """{template}"""\nPARAMETER stop {STOP}\nPARAMETER num_ctx 1024\n'


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("what", choices=["chat", "modelfile"])
    args.add_argument("file")
    args.add_argument("--mode", choices=MODES, default="say")
    args = args.parse_args()
    if args.what == "chat":
        write_chat(args.file)
    else:
        sys.stdout.write(modelfile(args.file, args.mode))


if __name__ == "__main__":
    main()

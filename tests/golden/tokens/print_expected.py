#!/usr/bin/env python3
"""print_expected.py > expected.jsonl - texts, and how tiktoken encodes them.

Needs the package tiktoken, and the rank data that script/tokenizers fetches. A line: the text, then for
each encoding how many tokens it is, and FNV-1a of their numbers (32 bits each, little-endian).
"""
import base64
import json
import os
import random
import sys
import unicodedata

import tiktoken
import tiktoken_ext.openai_public as published

RANKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../.tokenizers")

TEXTS = [
    "", " ", "a", "Hello, world!", "The quick brown fox jumps over the lazy dog.",
    "I'll say he's right; they'VE won, DON'T you think? 'tis 'LL 's it'\u017f \u2019s don\u2019t",
    "int main(int argc, char **argv)\n{\n\treturn argc > 1 ? 0 : 1; // done\n}\n",
    'def f(x):\n    """doc"""\n    return {k: v for k, v in x.items() if v is not None}\n\n\n',
    '{"name":"get_weather","arguments":{"city":"Paris","days":[1,22,333,4444]}}',
    "<div class=\"a\">\r\n  <p>text</p>\r\n</div>\r\n", "SELECT * FROM users WHERE id = 12345678;",
    "camelCase PascalCase snake_case SCREAMING_CASE XMLHttpRequest iPhone15ProMax v1.2.3-rc4",
    "https://example.com/a/b?c=d&e=%20#f", "1234567890 3.14159 1e-9 0xdeadbeef 007 12,345,678",
    "   leading", "trailing   ", "a  b   c\t\td", "\n\n\n", "a\n\n\nb", "a \n \n b", "\r\n\r\n \t\n  x", "x\n  ",
    "end\n", "end \n ", "!!!\n\n\n///", "a///\n/b", "...?!\r\n/", "\u00a0\u3000x\u2003\u2028y\x85z",
    "你好，世界。今天天气怎么样？我们去公园散步吧。", "東京都に住んでいます。カタカナとひらがな。",
    "안녕하세요 세계, 오늘 날씨가 좋네요.", "สวัสดีชาวโลก วันนี้อากาศดีมาก", "مرحبا بالعالم، كيف حالك اليوم؟",
    "नमस्ते दुनिया, आज मौसम कैसा है?", "Привет, мир! Как дела?", "Γειά σου Κόσμε", "שלום עולם", "გამარჯობა",
    "Füße, naïve café, Ærøskøbing, Łódź, İstanbul, ẞ", "e\u0301 n\u0303 A\u030a\u0301 \u0301\u0301x \u0301",
    "👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇫🇷 ☃️", "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β → ½ + ² Ⅷ", "ǅ ǈ ʰʷ ªº ſ K Å ﬁ ﬀ",
    "ABCあDEFgh あBBBBc ʰABC Aʰb", "<|endoftext|><|im_start|>system<|im_end|>", "\x00\x01\x7f\ufffd\ufeff\u200d\u200b",
    "a" * 300, "ab" * 200, " " * 400 + "x", "\n" * 300, "的" * 150, "=" * 100, "-" * 81 + "\n", "ha" * 77 + "!",
]
PIECES = ["'s", "'S", "'ll", "'VE", "'", " ", "  ", "\n", "\r\n", "\t", "/", "//", "...", "don't", "HELLO", "Hello",
          "world", "camelCase", "123", "4567", "é", "e\u0301", "\u0301", "日本語", "あ", "ก็", "हिन्दी", "👩‍👩‍👧", "ǅ", "ʰ", "Ⅷ", "²",
          "_", "\u200d", "\u3000", "ß", "\u017f", "the", " of", ".\n", "){", "});", "=="]


def random_texts(n):
    pick = random.Random(4)
    kinds = {}
    for c in list(range(0x30000)) + list(range(0xE0000, 0xE0200)):
        kinds.setdefault(unicodedata.category(chr(c)), []).append(chr(c))
    del kinds["Cs"], kinds["Cn"]
    names = sorted(kinds)
    for i in range(n):
        length = pick.randint(1, 30)
        if i % 2:
            yield "".join(pick.choice(PIECES) for _ in range(length))
        else:
            yield "".join(pick.choice(kinds[pick.choice(names)] if pick.random() < 0.6 else PIECES) for _ in range(length))


def ranks(url, expected_hash=None):
    with open(os.path.join(RANKS, os.path.basename(url)), "rb") as f:
        return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in f if line.strip())}


def fnv(ids):
    h = 0xCBF29CE484222325
    for byte in b"".join(i.to_bytes(4, "little") for i in ids):
        h = (h ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return f"{h:016x}"


def main():
    published.load_tiktoken_bpe = ranks
    encodings = [tiktoken.Encoding(**published.cl100k_base()), tiktoken.Encoding(**published.o200k_base())]
    for text in TEXTS + list(random_texts(240)):
        line = [text]
        for encoding in encodings:
            ids = encoding.encode_ordinary(text)
            line += [len(ids), fnv(ids)]
        sys.stdout.write(json.dumps(line) + "\n")


main()

#!/usr/bin/env python3
"""tests/matrix/round_trip.py - writes the list of what a dialect does not give back as it read it
(tests/golden/round_trip/differences.txt) into docs/dialects.md."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "tests" / "golden" / "round_trip" / "differences.txt"
DOC = ROOT / "docs" / "dialects.md"
BEGIN, END = "<!-- round trip: written by tests/matrix/round_trip.py -->\n", "<!-- end of round trip -->\n"
LABELS = {"openai": "OpenAI chat", "responses": "OpenAI Responses", "anthropic": "Anthropic", "gemini": "Gemini",
          "cohere": "Cohere", "ollama": "Ollama", "ollama_generate": "Ollama's /api/generate"}
WHAT = {"in": "requests", "reply": "replies", "stream": "streams"}


def rows():
    for line in LIST.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            yield [column.strip() for column in line.split("|", 5)]


def section():
    reasons = {}
    for dialect, what, _, where, _, reason in rows():
        places = reasons.setdefault((dialect, what, reason), [])
        if f"`{where or '/'}`" not in places:
            places.append(f"`{where or '/'}`")
    out, last = [], None
    for (dialect, what, reason), places in reasons.items():
        if (dialect, what) != last:
            out += ["", f"**{LABELS[dialect]}, {WHAT[what]}**", ""]
            last = (dialect, what)
        out.append(f"- {reason}: {', '.join(places)}.")
    return "\n".join(out[1:]) + "\n"


def main():
    head, rest = DOC.read_text().split(BEGIN)
    DOC.write_text(head + BEGIN + "\n" + section() + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""tests/matrix/report.py [IN [OUT [SCENARIO]]] - runs the matrix and writes its table into docs/dialects.md.

With arguments (comma-separated names, - for all) it only prints what fails.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from dialects import ALL  # noqa: E402
from losses import LOSSES, losses_of  # noqa: E402
from runner import BY_NAME, CELLS, Matrix, NAMES, SCENARIOS, not_applicable  # noqa: E402

DOC = Path(__file__).resolve().parents[2] / "docs" / "dialects.md"
BEGIN, END = "<!-- matrix: written by tests/matrix/report.py -->\n", "<!-- end of matrix -->\n"
LABELS = {"openai": "OpenAI chat", "responses": "OpenAI Responses", "anthropic": "Anthropic", "gemini": "Gemini",
          "cohere": "Cohere", "ollama": "Ollama"}


def run(matrix, cells, names):
    return {(i, o, s): matrix.run(i, o, s) for i, o in cells for s in names}


def cell_text(got, i, o, notes):
    names = [s.name for s in SCENARIOS if not not_applicable(i, o, s.name)]
    failed = [s for s in names if got[i, o, s]]
    lost = sorted({LOSSES.index(x) for s in names for x in losses_of(i, o, s)})
    marks = ", ".join(str(notes.setdefault(n, len(notes) + 1)) for n in lost)
    return f"{len(names) - len(failed)}/{len(names)}" + (f" [{marks}]" if lost else "")


def table(got):
    notes = {}
    out = ["| client \\\\ upstream | " + " | ".join(LABELS[o] for o in NAMES) + " |", "|---|" + "---|" * len(NAMES)]
    for i in NAMES:
        out.append(f"| **{LABELS[i]}** | " + " | ".join(cell_text(got, i, o, notes) for o in NAMES) + " |")
    out += ["", "What is lost, and why:", ""]
    for n, number in notes.items():
        x = LOSSES[n]
        titles = ", ".join(BY_NAME[s].title for s in x.scenario.split())
        told = f" (`x-sluice-dropped-params: {x.told}`)" if x.told else ""
        out.append(f"{number}. {titles}: {x.reason}{told}.")
    out += ["", "Where a format has no words for a scenario, there is nothing to test in its row or column:", ""]
    for d in ALL.values():
        for scenario, why in d.cannot_ask.items():
            out.append(f"- {LABELS[d.name]} as client, {BY_NAME[scenario].title}: {why}.")
        for scenario, why in d.cannot_answer.items():
            out.append(f"- {LABELS[d.name]} as upstream, {BY_NAME[scenario].title}: {why}.")
    out += ["", "The scenarios, each whole and streamed where both exist:", ""]
    out.append(", ".join(s.title for s in SCENARIOS) + ".")
    return "\n".join(out) + "\n"


def main(args):
    pick = [a.split(",") if a != "-" else None for a in args] + [None] * 3
    cells = [(i, o) for i, o in CELLS if (not pick[0] or i in pick[0]) and (not pick[1] or o in pick[1])]
    names = [s.name for s in SCENARIOS if not pick[2] or s.name in pick[2]]
    matrix = Matrix()
    got = run(matrix, cells, names)
    matrix.stop()
    failed = {k: v for k, v in got.items() if v and v != "n/a"}
    for (i, o, s), why in failed.items():
        print(f"{i} -> {o}, {s}:\n    " + why[:3000].replace("\n", "\n    "))
    if not args:
        text = DOC.read_text()
        head, rest = text.split(BEGIN)
        DOC.write_text(head + BEGIN + "\n" + table(got) + "\n" + END + rest.split(END)[1])
    print(f"{len(got) - len(failed)} fine, {len(failed)} not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

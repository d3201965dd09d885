"""Every dialect in, every dialect out: 36 cells, each through every scenario.

    SLUICE=build/sluice .venv/bin/python -m pytest tests/matrix [-k "cohere-gemini and tool"]
    SLUICE=build/sluice .venv/bin/python tests/matrix/report.py     # the same, into docs/dialects.md
"""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from losses import LOSSES  # noqa: E402
import round_trip  # noqa: E402
from runner import BY_NAME, CELLS, Matrix, SCENARIOS, not_applicable  # noqa: E402


@pytest.fixture(scope="session")
def matrix():
    m = Matrix()
    yield m
    m.stop()


CASES = [(i, o, s.name) for i, o in CELLS for s in SCENARIOS if not not_applicable(i, o, s.name)]


@pytest.mark.parametrize("inbound,outbound,scenario", CASES, ids=["-".join(c) for c in CASES])
def test_cell(matrix, inbound, outbound, scenario):
    wrong = matrix.run(inbound, outbound, scenario)
    assert wrong is None, f"{inbound} -> {outbound}, {BY_NAME[scenario].title}:\n{wrong}"


def test_the_document_has_the_round_trips():
    assert round_trip.section() in round_trip.DOC.read_text(), "run tests/matrix/round_trip.py"


def test_losses_name_what_exists():
    for loss in LOSSES:
        for names, known in ((loss.inbound, {i for i, _ in CELLS}), (loss.outbound, {o for _, o in CELLS}),
                             (loss.scenario, set(BY_NAME))):
            assert names and set(names.split()) <= known, loss
        assert loss.reason, loss
        for i in loss.inbound.split():
            for o in loss.outbound.split():
                for s in loss.scenario.split():
                    assert (i, o, s) in CASES, f"{loss}: there is no {i} -> {o} {s}"

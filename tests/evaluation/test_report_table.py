"""The report as text."""

from __future__ import annotations

from figures import evaluation, scores

from chatbot.evaluation.bench import NotRun
from chatbot.evaluation.table import Table

MEASURED = [
    scores("retrieval", "scifact", "nDCG@10", [0.5, 0.7, 0.9]),
    scores("retrieval", "scifact", "MAP", [0.5, 0.5, 0.5]),
    scores("retrieval", "scifact", "nDCG@10", [0.4, 0.6, 0.8], "BM25 alone"),
    scores("retrieval", "npl", "MAP", [0.25, 0.25]),
    scores("reading", "squad", "EM", [1, 0]),
]


def _lines() -> list[str]:
    table = Table()
    shown = [line for row in evaluation(MEASURED).rows for line in table.add(row)]
    shown += table.add(NotRun("reading", "clapnq", "it is not there"))
    return [*shown, *table.close()]


def test_each_suite_is_one_table_with_one_heading() -> None:
    lines = _lines()

    assert [line for line in lines if line and not line.startswith(" ")] == ["retrieval", "reading"]
    assert sum("95 % interval" in line for line in lines) == 2


def test_a_figure_and_the_rows_beside_it_share_a_line() -> None:
    [line] = [line for line in _lines() if "nDCG@10" in line]

    assert line.split()[:3] == ["scifact", "nDCG@10", "0.700"]
    assert line.endswith("BM25 alone 0.600")


def test_numbers_stand_beneath_one_another() -> None:
    lines = [line for line in _lines() if line.startswith("  ") and "did NOT run" not in line and "value" not in line]

    assert len({line.index(value) for line, value in zip(lines, ("0.700", "0.500", "0.250", "0.500"), strict=True)}) == 1


def test_a_set_is_shown_as_soon_as_the_next_one_begins() -> None:
    table, rows = Table(), evaluation(MEASURED).rows

    assert [list(table.add(row)) for row in rows[:3]] == [[], [], []]
    assert any("scifact" in line for line in table.add(rows[3]))


def test_what_did_not_run_stands_in_its_suite() -> None:
    assert _lines()[-1].split() == ["clapnq", "did", "NOT", "run:", "it", "is", "not", "there"]

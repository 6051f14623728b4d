"""The report as text: one table a suite, in which the product's own figure and the rows beside it share a line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from chatbot.evaluation.bench import NotRun
from chatbot.evaluation.measurement import Row

_WIDTHS = (28, 28, 7, 16, 7)
"""Columns: set, metric, value, interval, questions. Fixed, so that lines can be shown before all are known."""


class Table:
    """Takes figures as they come and gives the lines of every set that is complete; `close` gives the last one's."""

    def __init__(self) -> None:
        self._suite = ""
        self._rows: list[Row] = []

    def add(self, found: Row | NotRun) -> Iterator[str]:
        """Lines to show now, if any."""
        if isinstance(found, NotRun):
            yield from self.close()
            yield from self._heading(found.suite)
            yield f"  {found.set:<{_WIDTHS[0]}} did NOT run: {found.reason}"
            return
        if self._rows and (self._rows[-1].suite, self._rows[-1].set) != (found.suite, found.set):
            yield from self.close()
        self._rows.append(found)

    def close(self) -> Iterator[str]:
        """Lines of the set that came last."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        yield from self._heading(rows[0].suite)
        for metric in dict.fromkeys(row.metric for row in rows):
            yield _line([row for row in rows if row.metric == metric])

    def _heading(self, suite: str) -> Iterator[str]:
        if suite == self._suite:
            return
        if self._suite:
            yield ""
        self._suite = suite
        yield suite
        yield "  " + _columns(("set", "metric", "value", "95 % interval", "n")) + "  beside it"


def _line(rows: Sequence[Row]) -> str:
    """Of one metric: the product's own figure, and behind it those it has to be compared with."""
    own = next((row for row in rows if row.baseline is None), None)
    beside = ", ".join(f"{row.baseline} {_shown(row.value)}" for row in rows if row.baseline is not None)
    if own is None:
        return "  " + _columns((rows[0].set, rows[0].metric, "", "", f"{rows[0].n:,}")) + f"  {beside}"
    interval = f"{own.low:.3f} to {own.high:.3f}" if math.isfinite(own.value) else ""
    return ("  " + _columns((own.set, own.metric, _shown(own.value), interval, f"{own.n:,}")) + f"  {beside}").rstrip()


def _columns(cells: Sequence[str]) -> str:
    """Names to the left, numbers to the right."""
    names = [f"{cell:<{width}}" for cell, width in zip(cells[:2], _WIDTHS[:2], strict=True)]
    return " ".join([*names, *(f"{cell:>{width}}" for cell, width in zip(cells[2:], _WIDTHS[2:], strict=True))])


def _shown(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "n/a"

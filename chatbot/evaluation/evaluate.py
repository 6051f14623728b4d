"""Runs suites and gives their figures. It opens nothing itself: what it measures is handed to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatbot.errors import UserError
from chatbot.evaluation.bench import Bench, NotRun
from chatbot.evaluation.measurement import Measurement, Row, row
from chatbot.evaluation.suites import SUITES


class Evaluation(NamedTuple):
    measured: list[Measurement]
    rows: list[Row]
    """In the order of `measured`."""
    not_run: list[NotRun]


def chosen(names: Sequence[str]) -> list[str]:
    """Suites by name; none means all.

    Raises:
        UserError: there is no such suite.
    """
    for name in names:
        if name not in SUITES:
            raise UserError(f"there is no suite {name!r}; there are: {', '.join(SUITES)}")
    return [name for name in SUITES if name in (names or SUITES)]


def evaluate(names: Sequence[str], bench: Bench, show: Callable[[Row | NotRun], None]) -> Evaluation:
    """Run suites one after the other; each figure is shown as soon as there is one.

    Raises:
        ChatbotError: what was asked cannot be opened, or a set's text not be read.
    """
    done = Evaluation([], [], [])
    for name in chosen(names):
        for found in SUITES[name](bench):
            if isinstance(found, NotRun):
                done.not_run.append(found)
                show(found)
            else:
                figure = row(found, bench.data.split)
                done.measured.append(found)
                done.rows.append(figure)
                show(figure)
    return done

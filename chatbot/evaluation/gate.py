"""The gate: a change that makes a suite significantly worse than its baseline does not pass.

A baseline is what each question came to, as it was when somebody accepted it, so that old and new are compared question by
question.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chatbot.errors import UserError
from chatbot.evaluation.measurement import Measurement, as_rows, resampled
from chatbot.evaluation.metrics import LOWER_IS_BETTER, STATISTICS

_CERTAIN = 97.5
"""Per cent of the resamples in which it is worse."""


class Change(NamedTuple):
    """Of one figure since its baseline."""

    suite: str
    set: str
    metric: str
    before: float
    now: float
    low: float
    high: float
    """Bounds of the 95 % interval of the difference, new minus old."""
    is_worse: bool
    """Significantly."""


def keep(folder: Path, split: str, measured: Iterable[Measurement]) -> list[Path]:
    """Make these the baseline of their suites; gives the files that were written."""
    suites: dict[str, list[Measurement]] = {}
    for each in measured:
        if each.baseline is None:
            suites.setdefault(each.suite, []).append(each)
    folder.mkdir(parents=True, exist_ok=True)
    for suite, own in suites.items():
        lines = [json.dumps({"set": each.set, "metric": each.metric, "items": _short(each)}, ensure_ascii=False) for each in own]
        _file(folder, suite, split).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [_file(folder, suite, split) for suite in suites]


def check(folder: Path, split: str, suites: Iterable[str]) -> None:
    """Look for baselines before anything is measured.

    Raises:
        UserError: a suite has none, or one that cannot be read.
    """
    for suite in suites:
        _read(_file(folder, suite, split))


def compare(folder: Path, split: str, measured: Iterable[Measurement]) -> Iterator[Change]:
    """Each figure of the product's own against its baseline, over the questions that both have: paired bootstrap.

    Source: Sakai, "Evaluating evaluation metrics based on the bootstrap" (SIGIR 2006).

    Raises:
        UserError: a suite has no baseline, or it shares no question with what was measured.
    """
    known: dict[str, Mapping[tuple[str, str], Mapping[str, Sequence[float]]]] = {}
    for each in measured:
        if each.baseline is not None:
            continue
        if each.suite not in known:
            known[each.suite] = _read(_file(folder, each.suite, split))
        before = known[each.suite].get((each.set, each.metric))
        if before is not None:
            yield _change(each, before)


def _change(measured: Measurement, before: Mapping[str, Sequence[float]]) -> Change:
    shared = [id_ for id_ in measured.items if id_ in before]
    if not shared:
        raise UserError(
            f"{measured.suite} {measured.set}: its baseline has none of these questions; accept a new one with --keep"
        )
    old, new = as_rows([before[id_] for id_ in shared]), as_rows([measured.items[id_] for id_ in shared])
    statistic = STATISTICS[measured.metric]
    differences = resampled(lambda chosen: statistic(new[chosen]) - statistic(old[chosen]), len(shared))
    low, high = (float(bound) for bound in np.percentile(differences, [100 - _CERTAIN, _CERTAIN]))
    is_worse = low > 0 if measured.metric in LOWER_IS_BETTER else high < 0
    key = (measured.suite, measured.set, measured.metric)
    return Change(*key, statistic(old), statistic(new), low, high, is_worse)


def _short(measured: Measurement) -> Mapping[str, Sequence[float]]:
    """1.0 takes three times the room of 1, and most values are whole."""
    return {id_: [int(value) if value == int(value) else value for value in item] for id_, item in measured.items.items()}


def _file(folder: Path, suite: str, split: str) -> Path:
    return folder / f"{suite}.{split}.jsonl"


def _read(path: Path) -> Mapping[tuple[str, str], Mapping[str, Sequence[float]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"there is no baseline {str(path)!r}; accept what is measured now with --keep") from error
    try:
        rows = [json.loads(line) for line in lines]
        return {(row["set"], row["metric"]): row["items"] for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{str(path)!r} is no baseline: {error}; accept what is measured now with --keep") from error

"""The report as one page: plots with their words, every figure in a table, what did not run, and how the figures were made.

One file that needs nothing else, and works without scripts. It knows nothing about drawing: see `plots`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from chatbot import __version__
from chatbot.evaluation import curves, plots
from chatbot.evaluation.bench import NotRun
from chatbot.evaluation.evaluate import Evaluation
from chatbot.evaluation.measurement import RESAMPLES, Measurement, Row, as_rows
from chatbot.evaluation.metrics import LOWER_IS_BETTER
from chatbot.evaluation.suites import SUITES, abstention

_STYLE = Path(__file__).with_name("page.css")
OWN = "chatbot"
"""The product's own row, beside those that have a name of their own."""
_SHOWN = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Coverages that the words of the risk-coverage curve name."""


class Made(NamedTuple):
    """How the figures came about."""

    command: str
    split: str
    date: str


def page(done: Evaluation, made: Made) -> str:
    """The whole document, as HTML."""
    suites = [(name, [row for row in done.rows if row.suite == name]) for name in dict.fromkeys(row.suite for row in done.rows)]
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Evaluation of {escape(made.date)}, {escape(made.split)}</title>",
            f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>",
            *_head(done, made, [name for name, _ in suites]),
            *(_suite(name, rows, done.measured) for name, rows in suites),
            f"<footer>Intervals: 95 %, percentile bootstrap over questions, {RESAMPLES:,} samples.</footer>",
            "</main>\n</body>\n</html>\n",
        )
    )


def _head(done: Evaluation, made: Made, suites: Sequence[str]) -> Iterator[str]:
    yield "<header>\n<h1>How good the answers are</h1>"
    facts = (
        ("Date", escape(made.date)),
        ("Part of the sets", escape(made.split)),
        ("Version", escape(__version__)),
        ("Command", f"<code>{escape(made.command)}</code>"),
    )
    yield '<dl class="made">' + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts) + "</dl>"
    if done.not_run:
        yield _missing(done.not_run)
    if not suites:
        yield '<p class="soft">Nothing was measured.</p></header>'
        return
    yield '<nav aria-label="Suites">' + "".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in suites) + "</nav>"
    yield (
        '<ul class="key"><li><i class="own"></i>this product</li><li><i></i>what it is compared with</li>'
        '<li><i class="interval"></i>95 % interval</li></ul>\n</header>'
    )


def _missing(not_run: Sequence[NotRun]) -> str:
    items = "".join(
        f"<li><strong>{escape(f'{each.suite} · {each.set}')}</strong>: {escape(each.reason)}</li>" for each in not_run
    )
    return f'<section class="missing" aria-labelledby="missing"><h2 id="missing">Did not run</h2><ul>{items}</ul></section>'


def _suite(name: str, rows: Sequence[Row], measured: Sequence[Measurement]) -> str:
    sets = {set_: [row for row in rows if row.set == set_] for set_ in dict.fromkeys(row.set for row in rows)}
    drawn = [*_bars(name, sets)]
    if name == abstention.NAME:
        drawn += _calibration([each for each in measured if (each.suite, each.metric) == (name, "risk_coverage_auc")])
    return "\n".join(
        (
            f'<section class="suite" id="{escape(name)}" aria-labelledby="{escape(name)}-heading">',
            f'<h2 id="{escape(name)}-heading">{escape(name)}</h2>\n<p class="soft">{escape(_said(name))}</p>',
            '<div class="plots">',
            *drawn,
            "</div>",
            _table(name, rows),
            "</section>",
        )
    )


def _said(name: str) -> str:
    """What a suite says it measures, in its module's first line."""
    said = (sys.modules[SUITES[name].__module__].__doc__ or "") if name in SUITES else ""
    said = said.strip().partition("\n")[0].removeprefix(f"{name}: ")
    return said[:1].upper() + said[1:]


def _bars(suite: str, sets: dict[str, list[Row]]) -> Iterator[str]:
    """One drawing a set; figures that may exceed 1, such as perplexity, have one of their own."""
    for number, (set_, rows) in enumerate(sets.items()):
        drawable = [row for row in rows if math.isfinite(row.value)]
        for scale in (False, True):
            of_scale = [row for row in drawable if (row.high > 1) is scale]
            groups = [(_heading(metric), [_bar(row) for row in same]) for metric, same in _by_metric(of_scale)]
            if groups:
                drawing = plots.bars(f"{suite}-{number}-{int(scale)}", groups)
                yield _figure(set_, drawing, "; ".join(_words(row) for row in of_scale))


def _by_metric(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """In their order, the product's own row first."""
    places = {metric: place for place, metric in enumerate(dict.fromkeys(row.metric for row in rows))}
    ordered = sorted(rows, key=lambda row: (places[row.metric], row.baseline is not None))
    return [(metric, list(same)) for metric, same in groupby(ordered, key=lambda row: row.metric)]


def _heading(metric: str) -> str:
    return f"{metric} (lower is better)" if metric in LOWER_IS_BETTER else metric


def _bar(row: Row) -> plots.Bar:
    return plots.Bar(row.baseline or OWN, row.value, row.low, row.high, row.baseline is None)


def _words(row: Row) -> str:
    return f"{row.metric} of {row.baseline or OWN} {row.value:.3f}, interval {row.low:.3f} to {row.high:.3f}"


def _calibration(measured: Sequence[Measurement]) -> Iterator[str]:
    """What the confidence of the pooled items is worth."""
    pooled = {
        each.baseline or OWN: as_rows([*each.items.values()]) for each in sorted(measured, key=lambda each: each.baseline or "")
    }
    if OWN not in pooled:
        return
    own = pooled[OWN]
    drawing = plots.risk_coverage("risk-coverage", [(name, curves.risk_coverage(items)) for name, items in pooled.items()])
    wrong = "; ".join(f"{coverage:.0%} answered, {curves.at_coverage(own, coverage):.1%} of them wrong" for coverage in _SHOWN)
    yield _figure("Risk and coverage", drawing, wrong, f"{len(own):,} questions of all sets, the surest answered first.")
    every = curves.reliability(own)
    points = [(each.confidence, each.right) for each in every]
    drawing = plots.reliability("reliability", points, [(each.low, each.high) for each in every])
    words = "; ".join(f"confidence {each.confidence:.3f}, {each.right:.1%} of {each.n} right" for each in every)
    yield _figure("Reliability", drawing, words, "Bins of equal numbers, with 95 % intervals.")


def _figure(title: str, drawing: str, words: str, note: str = "") -> str:
    """A drawing is an image to those who hear the page; what it shows is said in words."""
    image = drawing.replace("<svg", f'<svg role="img" aria-label="{escape(f"{title}: {words}")}"', 1)
    caption = f"<figcaption>{escape(note)}</figcaption>" if note else ""
    return f'<figure><h3>{escape(title)}</h3>{caption}<div class="plot">{image}</div></figure>'


def _table(suite: str, rows: Sequence[Row]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Set", "Metric", "Row"))
    head += "".join(f'<th scope="col" class="number">{name}</th>' for name in ("Value", "95 % interval", "Questions"))
    body = "\n".join(_cells(row) for row in rows)
    title = escape(f"All {len(rows)} figures of {suite}")
    return (
        f'<details><summary>{title}</summary><div class="wide" role="region" tabindex="0" aria-label="{title}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div></details>"
    )


def _cells(row: Row) -> str:
    known = math.isfinite(row.value)
    value = f"{row.value:.3f}" if known else "undefined"
    interval = f"{row.low:.3f} to {row.high:.3f}" if known else ""
    names = "".join(f"<td>{escape(each)}</td>" for each in (row.set, row.metric, row.baseline or OWN))
    return (
        f'<tr class="{"beside" if row.baseline else "own"}">{names}<td class="number value">{value}</td>'
        f'<td class="number">{interval}</td><td class="number">{row.n:,}</td></tr>'
    )

"""Figures as plots: bars with intervals, a risk-coverage curve, a reliability diagram, each as SVG to be put into a page.

Colours are names that the page's style sheet gives a value, so that one drawing fits light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Point = tuple[float, float]

_WIDTH = 4.5
"""Inches, of 72 units: as wide as the column of a phone, so that nothing has to be read at half its size."""
_LEFT, _RIGHT = 1.6, 0.5
_BAR, _HEADING, _GAP, _FOOT = 0.23, 0.26, 0.1, 0.32

_COLOURS = {"#010101": "ink", "#020202": "soft", "#030303": "line", "#040404": "accent", "#050505": "other", "#060606": "bar"}
_INK, _SOFT, _LINE, _ACCENT, _OTHER, _BAR_OF_OWN = _COLOURS
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # the page's own letters, which can be read aloud and searched
    "svg.hashsalt": "chatbot",
    "font.size": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9.5,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _SOFT,
    "text.color": _INK,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


class Bar(NamedTuple):
    label: str
    value: float
    low: float
    high: float
    is_own: bool
    """The product's, and no row beside it."""


def bars(name: str, groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Horizontal bars with their intervals, grouped under headings; at least one group.

    `name` sets the ids of this drawing apart from those of others on a page.
    """
    height = _FOOT + sum(_HEADING + _BAR * len(group) + _GAP for _, group in groups)
    every = [bar for _, group in groups for bar in group]
    with _styled():
        figure = Figure(figsize=(_WIDTH, height))
        axes = figure.add_axes((_LEFT / _WIDTH, _FOOT / height, 1 - (_LEFT + _RIGHT) / _WIDTH, 1 - _FOOT / height))
        axes.set_xlim(min(0.0, *(bar.low for bar in every)), max(1.0, *(bar.high for bar in every)))
        axes.set_ylim(height - _FOOT, 0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=_LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        places = list(_places(groups))
        for bar, place in zip(every, places, strict=True):
            _bar(axes, bar, place)
        axes.set_yticks(places, [bar.label for bar in every])
        for tick, bar in zip(axes.get_yticklabels(), every, strict=True):
            tick.set_color(_INK if bar.is_own else _SOFT)
        _headings(axes, groups)
        return _svg(figure, name)


def risk_coverage(name: str, curves: Sequence[tuple[str, Sequence[Point]]]) -> str:
    """Share of wrong answers against share of questions answered; the first curve is the product's."""
    with _styled():
        figure, axes = _square("questions answered, the surest first", "wrong answers among them")
        for number, (label, points) in enumerate(curves):
            own = number == 0
            axes.plot(
                *zip(*points, strict=True),
                color=_ACCENT if own else _OTHER,
                linewidth=2 if own else 1.3,
                linestyle="-" if own else "--",
                label=label,
            )
        _legend(axes)
        return _svg(figure, name)


def reliability(name: str, points: Sequence[Point], intervals: Sequence[Point]) -> str:
    """Share of right answers against mean confidence, with its interval; the diagonal is what confidence promises."""
    with _styled():
        figure, axes = _square("confidence", "right answers")
        axes.plot([0, 1], [0, 1], color=_OTHER, linewidth=1.3, linestyle="--", label="as confidence promises")
        for (x, _), (low, high) in zip(points, intervals, strict=True):
            axes.plot([x, x], [low, high], color=_ACCENT, linewidth=1)
        axes.plot(*zip(*points, strict=True), color=_ACCENT, linewidth=2, marker="o", markersize=4, label="chatbot")
        _legend(axes)
        return _svg(figure, name)


def _places(groups: Sequence[tuple[str, Sequence[Bar]]]) -> Iterator[float]:
    """Middle of each bar, in inches from the top."""
    top = 0.0
    for _, group in groups:
        yield from (top + _HEADING + _BAR * (number + 0.5) for number in range(len(group)))
        top += _HEADING + _BAR * len(group) + _GAP


def _bar(axes: Axes, bar: Bar, place: float) -> None:
    axes.barh(place, bar.value, height=_BAR * 0.62, color=_BAR_OF_OWN if bar.is_own else _OTHER)
    axes.plot([bar.low, bar.high], [place, place], color=_INK, linewidth=1)
    for bound in (bar.low, bar.high):
        axes.plot([bound, bound], [place - _BAR * 0.18, place + _BAR * 0.18], color=_INK, linewidth=1)
    weight = "bold" if bar.is_own else "normal"
    axes.text(1.03, place, f"{bar.value:.3f}", transform=axes.get_yaxis_transform(), va="center", fontweight=weight)


def _headings(axes: Axes, groups: Sequence[tuple[str, Sequence[Bar]]]) -> None:
    top, left = 0.0, -_LEFT / (_WIDTH - _LEFT - _RIGHT)
    for heading, group in groups:
        middle = top + _HEADING * 0.62
        axes.text(left, middle, heading, transform=axes.get_yaxis_transform(), va="center", fontweight="bold")
        top += _HEADING + _BAR * len(group) + _GAP


def _square(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, 3.6), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1), xlabel=x, ylabel=y)
    axes.grid(color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    return figure, axes


def _legend(axes: Axes) -> None:
    axes.legend(loc="upper left", frameon=False, handlelength=1.6)


@contextmanager
def _styled() -> Generator[None]:
    with mpl.rc_context(_STYLE):
        yield


def _svg(figure: Figure, name: str) -> str:
    """The drawing alone, without a size, a background, and ids or rules that would reach into the rest of a page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawing = file.getvalue()[file.getvalue().index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawing, count=1)
    drawing = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawing, count=1)
    for colour, meaning in _COLOURS.items():
        drawing = drawing.replace(colour, f"var(--{meaning})")
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", drawing).strip()

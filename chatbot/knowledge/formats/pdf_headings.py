"""Headings of a PDF that has no outline: short lines that are clearly taller than the text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from chatbot.knowledge.formats.pdf_page import Line, Page

_TALLER = 1.15
"""Than most of the text; authors set headings a fifth larger at least, and lines with raised letters are a tenth taller."""
_MAX_LENGTH = 150
_MAX_LINES = 3
_MAX_LEVELS = 3
_MAX_SHARE = 0.2
"""Of all lines: where more are tall, as on slides, size does not tell headings apart."""


class Title(NamedTuple):
    level: int
    text: str


def by_height(pages: Sequence[Page]) -> dict[int, list[Title]]:
    """Headings by page index; the tallest are of the first level."""
    lines = [line for page in pages for line in page.lines if line.height and line.text.strip()]
    letters: Counter[float] = Counter()
    for line in lines:
        letters[_rounded(line)] += len(line.text)
    titles: dict[int, list[Title]] = defaultdict(list)
    if not letters:
        return titles
    least = letters.most_common(1)[0][0] * _TALLER
    found = [(number, height, text) for number, page in enumerate(pages) for height, text in _tall(page.lines, least)]
    if len(found) > max(1, len(lines) * _MAX_SHARE):
        return titles
    heights = sorted({height for _, height, _ in found}, reverse=True)
    for number, height, text in found:
        titles[number].append(Title(min(heights.index(height) + 1, _MAX_LEVELS), text))
    return titles


def _tall(lines: Sequence[Line], least: float) -> Iterator[tuple[float, str]]:
    """Height and words of runs of tall lines; a sentence in large letters is text all the same."""
    for height, run in groupby(lines, _rounded):
        texts = [line.text.strip() for line in run]
        text = " ".join(filter(None, texts))
        short = len(texts) <= _MAX_LINES and len(text) <= _MAX_LENGTH
        if height >= least and short and sum(map(str.isalpha, text)) > 2 and not text.endswith((".", ",", ";")):
            yield height, text


def _rounded(line: Line) -> float:
    return round(line.height * 2) / 2

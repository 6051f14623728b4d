"""Finds where the sentences of a document end. Those of an answer, which is Markdown, are found by `arriving`."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARKERS = r"(?: ?\[\d{1,3}\])*"
"""A document's references stay with the sentence before them, as an answer's markers do."""

_END = re.compile(
    # possessive, and only from the first full stop on: a line of ten thousand of them must not take a minute
    rf"(?<![.!?…])[.!?…]++(?:[\"'”’)\]*_]+)?{_MARKERS}(?=\s|$)"
    rf"|[。！？]++[」』”’）*_]*+{_MARKERS}"
    r"|\n\s*\n+"
    r"|\n(?=\s*(?:[-*•]|\d{1,2}[.)])\s)"
)
_NEVER_LAST = re.compile(
    r"\b(?i:e\.g|i\.e|vs|cf|approx|resp|mr|mrs|ms|dr|prof|st)\.$|\b[A-Z]\.$|(?:\A|\n)[ \t]*\d{1,2}\.$"  # a list's number
)
_BEFORE_NUMBER = re.compile(
    r"\b(?:al|no|nos|fig|figs|eq|eqs|sec|ch|vol|pp|ed|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$", re.IGNORECASE
)
_SPACE = re.compile(r"\s*")
_LEAD = re.compile(r"\s*(?:(?:[-*•]|\d{1,2}[.)])\s+)?")


def split(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of a finished text, without the white space around them and a list's bullets."""
    return [span for span in _spans(text) if span[0] < span[1]]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _ends(text):
        yield trim(text, start, match.end())
        start = match.end()
    yield trim(text, start, len(text))


def _ends(text: str) -> Iterator[re.Match[str]]:
    for match in _END.finditer(text):
        if match.group().isspace() or not is_abbreviation(text, match.start(), match.end()):
            yield match


def is_abbreviation(text: str, start: int, end: int) -> bool:
    """True if the stops in `text[start:end]`, with what closes behind them, end no sentence."""
    follows = next_word(text, end)
    after = text[follows : follows + 1]
    if after and after.islower():
        return True
    if text[start:end] != "." or not after:
        return False
    # "See the appendix. It ..." ends; "Dr. Smith", "J. Smith" and "et al. 2017" do not
    before = text[max(0, start - 8) : start + 1]
    return bool(_NEVER_LAST.search(before) or (after.isdigit() and _BEFORE_NUMBER.search(before)))


def next_word(text: str, position: int) -> int:
    """Where the white space at `position` ends."""
    return _SPACE.match(text, position).end()  # pyright: ignore[reportOptionalMemberAccess]  it matches nothing, too


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space around it and a list's bullet."""
    start = _LEAD.match(text, start, end).end()  # pyright: ignore[reportOptionalMemberAccess]  it matches nothing, too
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end

"""Finds where sentences end, in finished text and in text that is still arriving."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatbot import markers

_END = re.compile(
    # possessive, and only from the first full stop on: a line of ten thousand of them must not take a minute
    rf"(?<![.!?…])[.!?…]++(?:[\"'”’)\]]+)?{markers.RUN}(?=\s|$)"
    rf"|[。！？]++[」』”’）]*+{markers.RUN}"
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


def complete_until(text: str) -> int:
    """Length of the part of an arriving text whose sentences can grow no more.

    The last sentence end counts only once something follows it: "3." may become "3.5", and a marker may still come.
    """
    last = 0
    for match in _ends(text):
        follows = _next_word(text, match.end())
        if follows < len(text) and not markers.is_begun(text[follows : follows + len("[123]")]):
            last = follows
    return last


def _spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _ends(text):
        yield _trim(text, start, match.end())
        start = match.end()
    yield _trim(text, start, len(text))


def _ends(text: str) -> Iterator[re.Match[str]]:
    for match in _END.finditer(text):
        if match.group().isspace() or not _is_abbreviation(text, match):
            yield match


def _is_abbreviation(text: str, match: re.Match[str]) -> bool:
    follows = _next_word(text, match.end())
    after = text[follows : follows + 1]
    if after and after.islower():
        return True
    if match.group() != "." or not after:
        return False
    # "See the appendix. It ..." ends; "Dr. Smith", "J. Smith" and "et al. 2017" do not
    before = text[max(0, match.start() - 8) : match.start() + 1]
    return bool(_NEVER_LAST.search(before) or (after.isdigit() and _BEFORE_NUMBER.search(before)))


def _next_word(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()  # pyright: ignore[reportOptionalMemberAccess]  it matches nothing, too


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    start = _LEAD.match(text, start, end).end()  # pyright: ignore[reportOptionalMemberAccess]  it matches nothing, too
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end

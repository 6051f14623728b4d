"""The marker `[n]`: with it an engine names the document behind its words, and an answer its source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MARKER = re.compile(r" ?\[(\d{1,3})\]")

RUN = r"(?: ?\[\d{1,3}\])*"
"""Pattern of the markers behind a sentence."""

_BEGUN = re.compile(r" ?(?:\[\d{0,3})?$")
_ALIKE = re.compile(r"\[(?=\d{1,3}\])")
_JOINER = "\u2060"
"""Word joiner: has no width, and makes of `[0]` something that no longer is a marker."""


def strip(text: str) -> str:
    """The words alone."""
    return MARKER.sub("", text)


def numbers(text: str) -> list[int]:
    """The numbers of all markers, in order."""
    return [int(number) for number in MARKER.findall(text)]


def begun(text: str) -> int:
    """Where an end begins that more text could turn into a marker; the length of the text if there is none."""
    match = _BEGUN.search(text)
    return match.start() if match else len(text)


def is_begun(text: str) -> bool:
    """True if all of the text is the beginning of a marker."""
    return bool(text) and begun(text) == 0


def literal(text: str) -> str:
    """Words of a document, to be said as they are: brackets that only look like a marker, as in `list[0]`, are no marker."""
    return _ALIKE.sub(f"[{_JOINER}", text)


def unescaped(text: str) -> str:
    """What `literal` was given."""
    return text.replace(f"[{_JOINER}", "[")


def claims(text: str) -> Iterator[tuple[int, str]]:
    """Each marker's number with the words it stands behind: those since the marker before it.

    Markers side by side share their words; one that stands before all words is taken to mean the whole text.
    """
    words, begin = "", 0
    for match in MARKER.finditer(text):
        words = text[begin : match.start()].strip() or words
        begin = match.end()
        yield int(match.group(1)), words or strip(text).strip()


def renumbered(text: str, numbers: Sequence[int | None]) -> str:
    """The text with the k-th number in its k-th marker; without those whose number is None, and without any if counts differ."""
    if len(numbers) != len(MARKER.findall(text)):
        return strip(text)
    each = iter(numbers)
    return MARKER.sub(lambda _: f" [{number}]" if (number := next(each)) else "", text)

"""The marker `[n]`: with it an engine names the document behind its words, and an answer its source. In code, nothing is one.

Code is a fenced block, closed or still open, and what stands between two equal runs of backticks on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

JOINER = "\u2060"
"""Word joiner: has no width, and makes of `[0]` something that no longer is a marker, of backticks some that open no code."""

_ONE = r"\[\^?\d{1,3}\]"
_SEVERAL = r"\[\d{1,3}(?:[,;] ?\d{1,3}){1,9}\]"
_WIDE = r"【\d{1,3}(?:†[^】\n]{0,40})?】"
_FORM = f"(?:{_ONE}|{_SEVERAL}|{_WIDE})"

SLOPPY = re.compile(f" ?(?P<marker>{_FORM})")
"""As models write them: `[1]`, `[^1]`, `[1, 2]`, `【1】`, `【1†lines】`. In an answer all of them have become `[n]`."""

RUN = rf"(?:[ \t]*{_FORM})*"
"""Pattern of the markers behind a sentence."""

LEAD = r"(?:[ \t]*(?:[-*+•>]|\d{1,2}[.)])(?=[ \t])){0,8}[ \t]*"
"""Pattern of what may stand on its line before a block of code: bullets, numbers, quotation marks."""

TICKS = rf"(?<![`\\])`+(?![`{JOINER}])"
"""Pattern of backticks that may open code."""

FENCE = rf"(?:`{{3,}}(?![`{JOINER}])(?=[^`\n]*$)|~{{3,}}(?![~{JOINER}]))"
"""Pattern of what opens a block of code, to be compiled with re.MULTILINE."""

_INLINE = rf"(?P<ticks>{TICKS})[^\n]+?(?<!`)(?P=ticks)(?![`{JOINER}])"
_BLOCK = rf"^{LEAD}(?P<fence>{FENCE})[^\n]*(?:\Z|\n(?s:.*?)(?:^[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z))"
_FOUND = re.compile(rf"{_BLOCK}|{_INLINE}| ?\[(?P<number>\d{{1,3}})\]", re.MULTILINE)

_BEGUN = re.compile(r"(?:\[\^?\d{0,3}|\[\d{1,3}(?:[,;] ?\d{1,3}){0,9}(?:[,;] ?)?|【\d{0,3}|【\d{1,3}†[^】\n]{0,40})\Z")
_LONGEST = 64

_ALIKE = re.compile(rf"(?={_FORM})[\[【]")
_TICKS_ALIKE = re.compile(rf"{_INLINE}|`+|~{{3,}}")
_ESCAPED = re.compile(rf"(?<=[\[【`~]){JOINER}")


def found(text: str, start: int = 0, end: int | None = None) -> Iterator[re.Match[str]]:
    """The markers of an answer, each with the space before it; its group `number` has digits only."""
    for match in _FOUND.finditer(text, start, len(text) if end is None else end):
        if match["number"]:
            yield match


def blocks(text: str) -> Iterator[tuple[int, int]]:
    """Spans of the fenced blocks of code, from the beginning of their first line."""
    for match in _FOUND.finditer(text):
        if match["fence"]:
            yield match.span()


def numbers(text: str, start: int = 0, end: int | None = None) -> list[int]:
    """The numbers of all markers, in order."""
    return [int(match["number"]) for match in found(text, start, end)]


def strip(text: str) -> str:
    """The words alone."""
    kept: list[str] = []
    begun = 0
    for match in found(text):
        kept.append(text[begun : match.start()])
        begun = match.end()
    return "".join([*kept, text[begun:]])


def named(marker: str) -> list[int]:
    """The documents that a marker of any form names."""
    return [int(number) for number in re.findall(r"\d+", marker.partition("†")[0])]


def begun(text: str) -> int:
    """Where an end begins that more text could turn into a marker; the length of the text if there is none."""
    earliest = max(0, len(text) - _LONGEST)
    at = max(text.rfind("[", earliest), text.rfind("【", earliest))
    return at if at >= 0 and _BEGUN.match(text, at) else len(text)


def is_begun(text: str) -> bool:
    """True if all of the text is the beginning of a marker."""
    return bool(_BEGUN.match(text))


def literal(text: str) -> str:
    """Words of a document, to be said as they are: brackets that only look like a marker, as in `list[0]`, are no marker.

    A backtick without its partner opens no code, which would swallow the markers behind it.
    """
    text = _ALIKE.sub(rf"\g<0>{JOINER}", text)
    return _TICKS_ALIKE.sub(lambda match: match.group() + ("" if match["ticks"] else JOINER), text)


def unescaped(text: str) -> str:
    """What `literal` was given."""
    return _ESCAPED.sub("", text)


def renumbered(text: str, numbers: Sequence[int | None]) -> str:
    """The text with the k-th number in its k-th marker; without those whose number is None, and without any if counts differ."""
    matches = list(found(text))
    if len(numbers) != len(matches):
        return strip(text)
    pieces, end = list[str](), 0
    for match, number in zip(matches, numbers, strict=True):
        pieces += [text[end : match.start()], f" [{number}]" if number else ""]
        end = match.end()
    return "".join([*pieces, text[end:]])

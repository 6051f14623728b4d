"""What every format returns, and the builder they share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from chatbot.knowledge.formats.dates import first_day
from chatbot.schema import Value

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))")
"""A terminal's sequences: colours and cursor moves, and those that set a title or a link."""
_SPACING = re.compile(r"[\x0b-\x0d\x1c-\x1f\x85]")
_UNWRITABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
_MAX_HEADING = 300
"""What is longer is a paragraph that somebody made large; as a heading it would stand in front of every chunk below it."""

_MAX_LEVEL = 6


class Heading(Value):
    level: int
    """1 is the highest."""
    text: str
    start: int
    """Where the heading's own line begins in the text."""


class Extracted(Value):
    """A document's plain text. Every span in the product counts characters of `text`."""

    title: str
    """Empty where the document names none."""
    text: str
    headings: tuple[Heading, ...] = ()
    """In order of `start`. A heading's line is part of the text."""
    page_starts: tuple[int, ...] = ()
    """Where each page begins; empty where the format has no pages."""
    missing: str = ""
    """What could not be read, in words, where only a part was."""
    date: str = ""
    """Day on which it says it was last changed, else made: YYYY-MM-DD; empty where it says neither."""


class TextBuilder:
    """Collects blocks into one text and remembers where its headings and pages begin."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._page_starts: list[int] = []

    def page(self) -> None:
        """Begin a page."""
        self._page_starts.append(self._length)

    def heading(self, level: int, text: str) -> None:
        text = " ".join(_clean(text).split())
        if len(text) > _MAX_HEADING:
            self.block(text)
        elif text:
            self._close_list()
            self._headings.append(Heading(level=level, text=text, start=self._length))
            self.block(text)

    def block(self, text: str, separator: str = "\n\n") -> None:
        """Append one block; `separator` stands behind it."""
        text = _clean(text).strip("\n")
        if text.strip():
            if separator != "\n":
                self._close_list()
            self._append(text + separator)

    def row(self, cells: Sequence[str], headers: Sequence[str] = ()) -> None:
        """Append a table's row as "header: cell; header: cell": quoted alone it still says what its numbers are."""
        pairs = zip_longest(headers, cells, fillvalue="")
        row = "; ".join(f"{header}: {cell}" if header else cell for header, cell in pairs if cell)
        self.block(f"- {row}" if row else "", "\n")

    def include(self, document: Extracted, below: int) -> None:
        """Append another document's text, its headings `below` levels deeper, as far as there are levels."""
        position = 0
        for heading in document.headings:
            self.block(document.text[position : heading.start])
            self.heading(min(max(heading.level + below, 1), _MAX_LEVEL), heading.text)
            position = heading.start + len(heading.text)
        self.block(document.text[position:])

    def _close_list(self) -> None:
        """A blank line between a list or table, whose rows stand close together, and what follows."""
        if self._parts and not "".join(self._parts[-2:]).endswith("\n\n"):
            self._append("\n")

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def build(self, title: str = "", missing: str = "", dates: Iterable[str | None] = ()) -> Extracted:
        """`dates` are as the document writes them; the first that can be read is taken."""
        first = next((heading.text for heading in self._headings if heading.level == 1), "")
        return Extracted(
            title=first or _clean(title).strip(),
            text="".join(self._parts),
            headings=tuple(self._headings),
            page_starts=tuple(self._page_starts),
            missing=missing,
            date=first_day(dates),
        )


def _clean(text: str) -> str:
    # Controls act on the terminal that a quote is printed to, NUL ends strings in some stores, half a surrogate pair cannot be
    # written as UTF-8: none of them says anything but that some set words apart.
    return _UNWRITABLE.sub("", _SPACING.sub(" ", _ESCAPE.sub("", text)))

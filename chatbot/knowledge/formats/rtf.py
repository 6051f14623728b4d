"""Rich Text Format: paragraphs, headings by outline level, tables, notes and comments; pictures and hidden text are left out."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import table
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.rtf_words import CODE_PAGES, LEFT_OUT, SIGNS, STARRED, TOKEN

_ASIDE = {"footnote": "Note: ", "annotation": "Comment: "}
_MAX_TOKENS = 600_000
"""Some hundred thousand are a second's reading."""
_MAX_GROUPS = 10_000
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)


@dataclass(frozen=True)
class _State:
    """What a group inherits, and what ends with it."""

    out: str = ""
    """Why its words are not read as text; empty where they are."""
    font: int = -1
    unicode_skip: int = 1
    """How many characters after a \\u stand for the same, for older programs."""
    hidden: bool = False
    level: int = 0
    """Of the heading that the paragraph is; 0 where it is none."""
    in_table: bool = False


def extract(raw: bytes) -> Extracted:
    """Read a document.

    Raises:
        DocumentRefused: not RTF, or more than could be read in some seconds.
    """
    if not raw.lstrip().startswith(b"{\\rtf"):
        raise DocumentRefused("damaged RTF document: it does not begin as one")
    reader = _Reader()
    reader.read(raw)
    return reader.finish()


class _Reader:
    """Follows the control words of one document into one builder."""

    def __init__(self) -> None:
        self._builder = TextBuilder()
        self._state = _State()
        self._stack: list[_State] = []
        self._outside: list[tuple[int, list[str]]] = []
        """The words of paragraphs that a note interrupts, by the depth of its group."""
        self._words: list[str] = []
        self._asides: list[str] = []
        self._row: list[str] = []
        self._rows: list[list[str]] = []
        self._headed: bool | None = None
        self._bytes = bytearray()
        self._skip = 0
        self._code_page = "cp1252"
        self._fonts: dict[int, str] = {}
        self.levels: dict[int, int] = {}
        self._style = self._defined_font = 0
        self._title: list[str] = []
        self._style_name = ""
        self._pictures = 0

    def read(self, raw: bytes) -> None:
        position = count = 0
        starred = False
        while match := TOKEN.search(raw, position):
            position, count = match.end(), count + 1
            if count > _MAX_TOKENS:
                raise DocumentRefused(f"has more than {_MAX_TOKENS:,} marks; split the document")
            if match["byte"]:
                self._put_bytes(bytes.fromhex(match["byte"].decode()))
            elif match["text"]:
                self._put_bytes(match["text"])
            elif match["brace"]:
                self._flush()
                self._group(match["brace"] == b"{")
            elif match["sign"]:
                starred = match["sign"] == b"*"
                self._sign(match["sign"])
                continue
            else:
                word, number = match["word"].decode(), match["number"]
                if word == "bin":
                    position += max(0, int(number or 0))
                else:
                    self._control(word, int(number) if number else None, starred)
            starred = False
        self._flush()

    def finish(self) -> Extracted:
        self._end_paragraph()
        self._end_table()
        return self._builder.build(_joined(self._title), f"left out: pictures: {self._pictures}" if self._pictures else "")

    def _group(self, opens: bool) -> None:
        self._skip = 0
        if opens:
            if len(self._stack) > _MAX_GROUPS:
                raise DocumentRefused(f"nested more than {_MAX_GROUPS:,} levels deep")
            self._stack.append(self._state)
        elif self._stack:
            if self._outside and self._outside[-1][0] == len(self._stack):
                words = " ".join(_joined(self._words).split())
                self._asides.append(_ASIDE[self._state.out] + words if words else "")
                self._words = self._outside.pop()[1]
            if self._state.out == "stylesheet":
                self._end_style()
            self._state = self._stack.pop()

    def _sign(self, sign: bytes) -> None:
        if sign in b"\\{}":
            self._put_bytes(sign)
        elif sign in b"\r\n":
            self._control("par", None, False)
        elif sign in b"~_":
            self._flush()
            self._put({b"~": "\xa0", b"_": "-"}[sign])

    def _control(self, word: str, number: int | None, starred: bool) -> None:
        if word == "u":
            self._flush_bytes()
            self._put(chr((number or 0) & 0xFFFF))
            self._skip = self._state.unicode_skip
            return
        self._flush()
        if word in _ASIDE and not self._state.out:
            self._outside.append((len(self._stack), self._words))
            self._words = []
            self._state = replace(self._state, out=word)
        elif word in LEFT_OUT or (starred and word not in STARRED):
            self._pictures += word == "pict" and not self._state.out
            self._state = replace(self._state, out=word)
        elif word == "title" and self._state.out == "info":
            self._state = replace(self._state, out="title")
        elif word in SIGNS:
            self._put(SIGNS[word])
        elif self._state.out in {"fonttbl", "stylesheet"}:
            self._define(word, number or 0)
        elif word in _FORMATS:
            _FORMATS[word](self, number)
        elif (self._state.out or "text") in {"text", *_ASIDE}:
            self._structure(word)

    def _define(self, word: str, number: int) -> None:
        """Note what a font or a style stands for."""
        if word == "f":
            self._defined_font = number
        elif word == "fcharset" and number in CODE_PAGES:
            self._fonts[self._defined_font] = CODE_PAGES[number]
        elif word == "s":
            self._style = number
        elif word == "outlinelevel" and 0 <= number < 9:
            self.levels[self._style] = number + 1

    def _end_style(self) -> None:
        if heading := _HEADING.match(self._style_name.strip()):
            self.levels.setdefault(self._style, int(heading[1]))
        self._style, self._style_name = 0, ""

    def _structure(self, word: str) -> None:
        if self._outside:
            if word == "par":
                self._words.append(" ")
        elif word in {"par", "sect", "page"}:
            if self._state.in_table and word == "par":
                self._words.append(" ")
            else:
                self._end_paragraph()
        elif word in {"cell", "nestcell"}:
            self._row.append(" ".join(_joined(self._words).split()))
            self._words = []
        elif word in {"row", "nestrow"}:
            self._rows.append(self._row)
            self._row, self._words = [], []
        elif word == "trhdr" and not self._rows:
            self._headed = True

    def _end_paragraph(self) -> None:
        words = _joined(self._words).strip()
        if words:
            self._end_table()
            if self._state.level:
                self._builder.heading(min(6, self._state.level), " ".join(words.split()))
            else:
                self._builder.block(words)
        if not self._rows and not self._row:
            for aside in self._asides:
                self._builder.block(aside)
            self._asides = []
        self._words = []

    def _end_table(self) -> None:
        rows, self._rows, self._row = [*self._rows, self._row], [], []
        table.write(self._builder, rows, self._headed)
        self._headed = None

    def _put_bytes(self, raw: bytes) -> None:
        skipped = min(self._skip, len(raw))
        self._skip -= skipped
        self._bytes += raw[skipped:]

    def _flush_bytes(self) -> None:
        """Bytes wait for those that follow: a character of some code pages is two of them."""
        if self._bytes:
            raw, self._bytes = bytes(self._bytes), bytearray()
            self._put(raw.decode(self._fonts.get(self._state.font, self._code_page), "replace"))

    def _flush(self) -> None:
        self._flush_bytes()
        self._skip = 0

    def _put(self, text: str) -> None:
        if self._state.out == "stylesheet":
            self._style_name += text
        elif self._state.out == "title":
            self._title.append(text)
        elif (not self._state.out or self._state.out in _ASIDE) and not self._state.hidden:
            self._words.append(text)

    def set_code_page(self, number: int | None) -> None:
        try:
            self._code_page = codecs.lookup(f"cp{number}").name
        except LookupError:
            self._code_page = "cp1252"

    def set_state(self, **changed: int) -> None:
        self._state = replace(self._state, **changed)


def _joined(words: list[str]) -> str:
    """One text; characters beyond 16 bits come in two halves."""
    return "".join(words).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


_FORMATS: dict[str, Callable[[_Reader, int | None], None]] = {
    "ansicpg": _Reader.set_code_page,
    "mac": lambda reader, _: reader.set_code_page(10000),
    "pc": lambda reader, _: reader.set_code_page(437),
    "pca": lambda reader, _: reader.set_code_page(850),
    "f": lambda reader, number: reader.set_state(font=number or 0),
    "uc": lambda reader, number: reader.set_state(unicode_skip=min(9, max(0, 1 if number is None else number))),
    "v": lambda reader, number: reader.set_state(hidden=number != 0),
    "deleted": lambda reader, number: reader.set_state(hidden=number != 0),
    "plain": lambda reader, _: reader.set_state(hidden=False),
    "outlinelevel": lambda reader, number: reader.set_state(level=(number or 0) + 1 if (number or 0) in range(9) else 0),
    "s": lambda reader, number: reader.set_state(level=reader.levels.get(number or 0, 0)),
    "pard": lambda reader, _: reader.set_state(level=0, in_table=False),
    "intbl": lambda reader, _: reader.set_state(in_table=True),
}

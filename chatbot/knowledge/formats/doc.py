"""Word documents of 97 to 2003, their streams by olefile: headings by style, tables, foot- and endnotes, comments, text boxes.

Source of the layout: Microsoft's [MS-DOC], Word (.doc) Binary File Format; sections are named beside what they explain.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import accumulate
from struct import unpack_from
from typing import Any

import olefile

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import table
from chatbot.knowledge.formats.archive import DAMAGE
from chatbot.knowledge.formats.doc_paragraphs import Look, Looks
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder

_WORD_97 = 0xC1
_MAX_CHARACTERS = 20_000_000
_PARAGRAPH = re.compile("[^\r\x07\x0c]*[\r\x07\x0c]?")
_SIGNS = str.maketrans(
    {"\x0b": "\n", "\x1e": "-", "\x1f": None, "\x01": None, "\x02": None, "\x05": None, "\x08": None, "\xad": None, "\x0e": "\n"}
)
_FIELD = re.compile("\x13[^\x13\x14\x15]*\x14?([^\x13\x14\x15]*)\x15")
_FIELD_DEPTH = 20


def extract(raw: bytes) -> Extracted:
    """Read a document.

    Raises:
        DocumentRefused: damaged, encrypted, or saved by Word 95 or before.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(raw)) as streams:
            return _read(streams)
    except DAMAGE as error:
        raise DocumentRefused(f"damaged Word document: {error}") from error


def _read(streams: olefile.OleFileIO[Any]) -> Extracted:
    main = streams.openstream("WordDocument").read()
    version, flags = unpack_from("<H", main, 2)[0], unpack_from("<H", main, 0x0A)[0]
    if version < _WORD_97:
        raise DocumentRefused("saved by Word 95 or before: open it in a newer Word and save it as .docx")
    if flags & 0x0100:
        raise DocumentRefused("encrypted: it needs a password")
    side = streams.openstream("1Table" if flags & 0x0200 else "0Table").read()
    text, positions = _text(main, side)
    writer = _Writer(Looks(main, side), positions)
    # [MS-DOC] 2.5.4: body, footnotes, headers, macros, comments, endnotes, boxes, boxes of headers, one behind the other
    lengths = [*unpack_from("<3I", main, 0x4C), *unpack_from("<5I", main, 0x58)]
    starts = [0, *accumulate(lengths)]
    body, footnotes, _, _, comments, endnotes, boxes, _ = zip(starts, starts[1:], strict=False)
    writer.body(text, *body)
    for (start, end), label in ((boxes, ""), (footnotes, "Note: "), (endnotes, "Note: "), (comments, "Comment: ")):
        writer.asides(text, start, end, label)
    pictures = text[slice(*body)].count("\x01")
    title = getattr(streams.get_metadata(), "title", b"")
    return writer.builder.build(_decoded(title), f"left out: pictures or objects: {pictures}" if pictures else "")


def _decoded(title: object) -> str:
    return title.decode("cp1252", "replace") if isinstance(title, bytes) else str(title or "")


def _text(main: bytes, side: bytes) -> tuple[str, list[tuple[int, int, int]]]:
    """All characters, and for each piece of them (first character, place in the stream, bytes a character)."""
    start, length = unpack_from("<2I", main, 0x1A2)
    pieces = side[start : start + length]
    while pieces[:1] == b"\x01":  # [MS-DOC] 2.9.38: what came before the pieces
        pieces = pieces[3 + unpack_from("<H", pieces, 1)[0] :]
    if pieces[:1] != b"\x02":
        raise DocumentRefused("damaged Word document: it does not say where its text is")
    size = unpack_from("<I", pieces, 1)[0]
    count = (min(size, len(pieces) - 5) - 4) // 12
    firsts = unpack_from(f"<{count + 1}I", pieces, 5)
    parts: list[str] = []
    positions: list[tuple[int, int, int]] = []
    total = 0
    for index in range(count):
        place = unpack_from("<I", pieces, 5 + 4 * (count + 1) + 8 * index + 2)[0]
        narrow = bool(place & 0x4000_0000)  # [MS-DOC] 2.9.73
        place = (place & 0x3FFF_FFFF) // 2 if narrow else place & 0x3FFF_FFFF
        width = 1 if narrow else 2
        length = firsts[index + 1] - firsts[index]
        if length < 0 or (total := total + length) > _MAX_CHARACTERS:
            raise DocumentRefused("damaged Word document: its pieces of text do not follow one another")
        raw = main[place : place + length * width]
        positions.append((firsts[index], place, width))
        # one character for each: the parts of the document are counted in them
        parts.append((raw.decode("cp1252", "replace") if narrow else _utf16(raw)).ljust(length, "\x1f")[:length])
    return "".join(parts), positions


def _utf16(raw: bytes) -> str:
    """One character for each two bytes; the halves of a pair are joined when the text is written."""
    return "".join(map(chr, unpack_from(f"<{len(raw) // 2}H", raw)))


class _Writer:
    """Writes characters as paragraphs, headings and tables."""

    def __init__(self, looks: Looks, positions: list[tuple[int, int, int]]) -> None:
        self.builder = TextBuilder()
        self._looks = looks
        self._positions = positions
        self._rows: list[list[str]] = []
        self._row: list[str] = []
        self._cell: list[str] = []
        self._headed: bool | None = None

    def body(self, text: str, start: int, end: int) -> None:
        piece = 0
        for paragraph, last in _paragraphs(text, start, end):
            while piece + 1 < len(self._positions) and self._positions[piece + 1][0] <= last:
                piece += 1
            first, place, width = self._positions[piece]
            look = self._looks.at(place + (last - first) * width)
            if look.in_table:
                self._in_table(paragraph, look)
            else:
                self._end_table()
                self._block(_shown(paragraph), look.level)
        self._end_table()

    def asides(self, text: str, start: int, end: int, label: str) -> None:
        for paragraph, _ in _paragraphs(text, start, end):
            words = _shown(paragraph).strip()
            self.builder.block(f"{label}{words}" if words else "")

    def _block(self, words: str, level: int) -> None:
        if level:
            self.builder.heading(min(6, level), " ".join(words.split()))
        else:
            self.builder.block(words.strip())

    def _in_table(self, paragraph: str, look: Look) -> None:
        if look.ends_row:
            self._rows.append(self._row)
            self._headed = self._headed or (len(self._rows) == 1 and look.header) or None
            self._row = []
            return
        self._cell.append(_shown(paragraph))
        if paragraph.endswith("\x07"):
            self._row.append(" ".join(" ".join(self._cell).split()))
            self._cell = []

    def _end_table(self) -> None:
        rows, self._rows = [*self._rows, [*self._row, *self._cell]], []
        self._row, self._cell = [], []
        table.write(self.builder, rows, self._headed)
        self._headed = None


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    """Each paragraph with its mark, and where the mark stands."""
    end = min(end, len(text))
    while start < end:
        match = _PARAGRAPH.match(text, start, end)
        if match is None or match.end() == start:
            return
        start = match.end()
        yield match[0], start - 1


def _shown(paragraph: str) -> str:
    """What is seen of it: of a field its result."""
    text = paragraph.rstrip("\r\x07\x0c")
    for _ in range(_FIELD_DEPTH):  # from the innermost outwards
        text, found = _FIELD.subn(lambda field: field[1] if "\x14" in field[0] else "", text)
        if not found:
            break
    text = text.translate(_SIGNS)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")

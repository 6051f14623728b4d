"""How the paragraphs of a binary Word document look: headings by their style, cells and rows of tables.

Source of the layout: Microsoft's [MS-DOC], sections named beside what they explain.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from struct import error, unpack_from

from chatbot.schema import Value

_PAGE = 512
_OPERAND = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
"""Bytes of a property's value, by the kind that stands in its number: [MS-DOC] 2.6.1."""
_IN_TABLE, _ROW_END, _OUTLINE, _HEADER, _NO_PARENT = 0x2416, 0x2417, 0x2640, 0x3404, 0xFFF
_BODY_LEVEL = 9
_MAX_STYLES = 5_000


class Look(Value):
    """A paragraph's."""

    level: int = 0
    """Of the heading that it is; 0 where it is none."""
    in_table: bool = False
    ends_row: bool = False
    header: bool = False
    """Its row stands at the top of each page that the table reaches."""


_PLAIN = Look()


class Looks:
    """Finds a paragraph's look by where its mark stands in the main stream."""

    def __init__(self, main: bytes, side: bytes) -> None:
        self._levels = _style_levels(main, side)
        runs = sorted(self._runs(main, side), key=lambda run: run[0])
        self._starts = [start for start, _, _ in runs]
        self._runs_by_start = runs

    def at(self, place: int) -> Look:
        index = bisect_right(self._starts, place) - 1
        if index < 0 or place >= self._runs_by_start[index][1]:
            return _PLAIN
        return self._runs_by_start[index][2]

    def _runs(self, main: bytes, side: bytes) -> Iterator[tuple[int, int, Look]]:
        """(first byte, byte behind the last, look) of each paragraph: [MS-DOC] 2.8.6 and 2.9.175."""
        start, length = unpack_from("<2I", main, 0x102)
        count = (min(length, len(side) - start) - 4) // 8
        for index in range(count):
            page = (unpack_from("<I", side, start + 4 * (count + 1) + 4 * index)[0] & 0x3FFFFF) * _PAGE
            if page + _PAGE > len(main):
                continue
            runs = main[page + _PAGE - 1]
            for run in range(min(runs, (_PAGE - 5) // 17)):
                first, end = unpack_from("<2I", main, page + 4 * run)
                offset = main[page + 4 * (runs + 1) + 13 * run] * 2
                yield first, end, self._look(main[page : page + _PAGE], offset) if offset else _PLAIN

    def _look(self, page: bytes, offset: int) -> Look:
        size = page[offset] * 2 - 1 if page[offset] else page[offset + 1] * 2
        offset += 1 if page[offset] else 2
        properties = page[offset : offset + size]
        if len(properties) < 2:
            return _PLAIN
        values = dict(_properties(properties[2:]))
        level = self._levels.get(unpack_from("<H", properties)[0], 0)
        if _OUTLINE in values:
            level = values[_OUTLINE] + 1 if values[_OUTLINE] < _BODY_LEVEL else 0
        return Look(
            level=level,
            in_table=bool(values.get(_IN_TABLE)),
            ends_row=bool(values.get(_ROW_END)),
            header=bool(values.get(_HEADER)),
        )


def _properties(raw: bytes) -> Iterator[tuple[int, int]]:
    """Numbers of properties with the first byte of their values."""
    place = 0
    while place + 2 < len(raw):
        number = unpack_from("<H", raw, place)[0]
        yield number, raw[place + 2]
        size = _OPERAND.get(number >> 13)
        if number in {0xD606, 0xD608}:  # tables of cells say their length in two bytes
            size = unpack_from("<H", raw, place + 2)[0] + 1 if place + 4 <= len(raw) else 0
        place += 2 + (1 + raw[place + 2] if size is None else size)


def _style_levels(main: bytes, side: bytes) -> dict[int, int]:
    """Styles that make headings, by their numbers; a style may take this from another: [MS-DOC] 2.9.271 and 2.9.260."""
    start, length = unpack_from("<2I", main, 0xA2)
    sheet = side[start : start + length]
    kinds: dict[int, tuple[int, int]] = {}
    try:
        place = 2 + unpack_from("<H", sheet)[0]
        for number in range(min(unpack_from("<H", sheet, 2)[0], _MAX_STYLES)):
            size = unpack_from("<H", sheet, place)[0]
            if size >= 4:
                own, based = unpack_from("<2H", sheet, place + 2)
                kinds[number] = own & 0xFFF, based >> 4
            place += 2 + size
    except error:
        pass  # the styles end early: those that were read are good
    return {number: level for number in kinds if (level := _level(kinds, number))}


def _level(kinds: dict[int, tuple[int, int]], number: int) -> int:
    for _ in range(10):
        own, based = kinds.get(number, (0, _NO_PARENT))
        if 1 <= own <= 9:
            return own
        number = based
    return 0

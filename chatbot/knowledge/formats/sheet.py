"""A spreadsheet's sheet, from whatever format, as text: its name a heading, its cells rows that keep their headers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from chatbot.knowledge.formats import table
from chatbot.knowledge.formats.extracted import TextBuilder

MAX_CELLS = 250_000
"""All sheets of a file together; as text that is a book of some thousand pages."""
_MAX_GRID = 2_000_000
_LEVEL = 2
"""A sheet is a part of its workbook, which is named by its file."""


class Merged(NamedTuple):
    """Cells shown as one, from the first row and column to the last; counted from 0."""

    row: int
    column: int
    last_row: int
    last_column: int


def write(builder: TextBuilder, name: str, cells: Mapping[tuple[int, int], str], merged: Iterable[Merged] = ()) -> None:
    """Write the cells of one sheet, by row and column from 0; what is merged over rows stands in each of them."""
    rows: dict[int, dict[int, str]] = defaultdict(dict)
    for (row, column), text in cells.items():
        if words := " ".join(text.split()):
            rows[row][column] = words
    if not rows:
        return
    _fill_down(rows, merged)
    builder.heading(_LEVEL, name)
    columns = sorted({column for cells in rows.values() for column in cells})
    if len(columns) * len(rows) > _MAX_GRID:
        for _, found in sorted(rows.items()):
            builder.row([found[column] for column in sorted(found)])
        return
    grid: list[list[str]] = []
    before = -1
    for number, found in sorted(rows.items()):
        grid += [[]] if number > before + 1 else []
        grid.append([found.get(column, "") for column in columns])
        before = number
    table.write_sheet(builder, grid)


def _fill_down(rows: dict[int, dict[int, str]], merged: Iterable[Merged]) -> None:
    left = MAX_CELLS
    for span in merged:
        text = rows[span.row].get(span.column) if span.row in rows else None
        # only rows that say something of their own: a span may name a million of them, and many spans the same
        if text and span.last_row - span.row <= min(left, len(rows)):
            left -= span.last_row - span.row
            for row in range(span.row + 1, span.last_row + 1):
                if row in rows:
                    rows[row].setdefault(span.column, text)


def left_out(hidden: list[str], charts: int = 0, pictures: int = 0, formulas: int = 0, unread: list[str] | None = None) -> str:
    """What was not read, in words."""
    said = [
        f"hidden: {', '.join(hidden)}" if hidden else "",
        f"charts or other objects: {charts}" if charts else "",
        f"pictures: {pictures}" if pictures else "",
        f"formulas without a stored result: {formulas}" if formulas else "",
        f"sheets after too many cells: {', '.join(unread)}" if unread else "",
    ]
    return "left out: " + "; ".join(filter(None, said)) if any(said) else ""

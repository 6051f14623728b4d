"""Tables as rows that keep their headers; knows how a row of headers looks where the format does not mark it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from chatbot.knowledge.formats.extracted import TextBuilder

_NUMBER = re.compile(r"[^\w\s]{0,2}\d[\d\s.,:/%-]*(?:\s?[^\s\d]{1,3})?")
_MAX_HEADER = 60
"""Characters; what is longer is a cell."""

Row = Sequence[str]


def write(builder: TextBuilder, rows: Sequence[Row], headed: bool | None = None) -> None:
    """Write a table; `headed` says whether its first row holds the headers, None that the format does not say."""
    rows = [row for row in rows if any(row)]
    if len(rows) > 1 and (looks_headed(rows) if headed is None else headed):
        headers, rows = rows[0], rows[1:]
    else:
        headers = ()
    for row in rows:
        builder.row(row, headers)


def write_sheet(builder: TextBuilder, rows: Sequence[Row]) -> None:
    """Write a sheet, on which empty rows set tables apart, and a table's title stands in a cell of its own above it."""
    for filled, group in groupby(rows, any):
        table = list(group) if filled else []
        begin = next((index for index, row in enumerate(table) if sum(map(bool, row)) > 1), len(table))
        for row in table[:begin]:
            builder.block(next(filter(None, row)))
        write(builder, table[begin:])


def looks_headed(rows: Sequence[Row]) -> bool:
    """True if the first row names the columns: short distinct words above cells that are of another kind, or many."""
    first = [cell for cell in rows[0] if cell]
    width = max(len([cell for cell in row if cell]) for row in rows)
    if len(first) < max(2, width - 1) or len(set(first)) < len(first):
        return False
    if any(len(cell) > _MAX_HEADER or _NUMBER.fullmatch(cell) for cell in first):
        return False
    # two columns of words may as well be names and their values, one below the other
    last = [row[-1] for row in rows[1:] if len(row) == len(rows[0]) and row[-1]]
    return width > 2 or (len(last) > 1 and all(_NUMBER.fullmatch(cell) for cell in last))

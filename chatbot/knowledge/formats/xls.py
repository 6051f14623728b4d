"""Excel workbooks of before 2007, by xlrd: each sheet's cells as they are shown, and comments; formulas are never computed."""

from __future__ import annotations

import io
from typing import Any

import xlrd
from xlrd.biffh import XLRDError
from xlrd.compdoc import CompDocError

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import number_format, sheet
from chatbot.knowledge.formats.archive import DAMAGE
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.sheet import Merged

_MAX_WIDE = 4_000_000
"""Cells with those left empty between them, which xlrd makes room for: a row of one cell far right takes few bytes in a file."""


def extract(raw: bytes) -> Extracted:
    """Read a workbook.

    Raises:
        DocumentRefused: damaged, encrypted, or of Excel 4 and before.
    """
    try:
        book: Any = xlrd.open_workbook(
            file_contents=raw, logfile=io.StringIO(), formatting_info=True, on_demand=True, ragged_rows=True
        )
        return _read(book)
    except (XLRDError, CompDocError, AssertionError, ArithmeticError, *DAMAGE) as error:
        reason = "encrypted: it needs a password" if "encrypted" in str(error) else f"damaged Excel workbook: {error}"
        raise DocumentRefused(reason) from error


def _read(book: Any) -> Extracted:
    builder = TextBuilder()
    hidden: list[str] = []
    unread: list[str] = []
    cells = wide = 0
    for number, name in enumerate(book.sheet_names()):
        if wide > _MAX_WIDE or cells > sheet.MAX_CELLS:
            unread.append(name)
            continue
        page = book.sheet_by_index(number)
        if page.visibility:
            hidden.append(name)
        else:
            found = _cells(book, page)
            cells += len(found)
            wide += sum(map(page.row_len, range(page.nrows)))
            sheet.write(
                builder, name, found, [Merged(row, left, below - 1, right - 1) for row, below, left, right in page.merged_cells]
            )
            for (row, column), note in sorted(page.cell_note_map.items()):
                builder.block(f"Comment at {xlrd.cellname(row, column)}: {note.text}")
        book.unload_sheet(number)
    return builder.build("", sheet.left_out(hidden, unread=unread))


def _cells(book: Any, page: Any) -> dict[tuple[int, int], str]:
    cells: dict[tuple[int, int], str] = {}
    for row in range(page.nrows):
        for column, kind in enumerate(page.row_types(row)):
            if kind not in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK}:
                cells[row, column] = _text(book, page.cell(row, column))
    return cells


def _text(book: Any, cell: Any) -> str:
    if cell.ctype == xlrd.XL_CELL_TEXT:
        return cell.value
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "")
    code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
    return number_format.shown(repr(cell.value), code, book.datemode == 1)

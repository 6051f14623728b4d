"""Excel of before 2007: the same text as from its successor."""

from __future__ import annotations

from datetime import datetime

import pytest
import xlwt
from office import saved, xls, xlsx

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.xls import extract
from chatbot.knowledge.formats.xlsx import extract as extract_xlsx

SHEETS = {"Parts": [["Part", "Bar", "Note"], ["Valve", 7, "red"], ["Pump", 3.5, "naïve 🙂"]], "More": [["words"], [True]]}


def test_both_formats_of_excel_give_the_same() -> None:
    newer = extract_xlsx(xlsx(SHEETS))
    assert newer.date
    assert extract(xls(SHEETS)) == newer.model_copy(update={"date": ""})  # which xlrd does not read


def test_dates_percent_and_merged_cells_are_shown_as_in_excel() -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    sheet.write_merge(0, 1, 0, 0, "North")
    sheet.write(0, 1, datetime(2018, 9, 20), xlwt.easyxf(num_format_str="d mmm yyyy"))
    sheet.write(1, 1, 0.256, xlwt.easyxf(num_format_str="0.0%"))
    assert extract(saved(book)).text == "S\n\n- North; 20 Sep 2018\n- North; 25.6%\n"


def test_hidden_sheets_are_left_out_and_named() -> None:
    book = xlwt.Workbook()
    book.add_sheet("Seen").write(0, 0, "seen")
    secret = book.add_sheet("Secret")
    secret.write(0, 0, "salary")
    secret.visibility = 1
    document = extract(saved(book))
    assert "salary" not in document.text
    assert document.missing == "left out: hidden: Secret"


@pytest.mark.parametrize("raw", [b"", b"words", xls(SHEETS)[:700]])
def test_a_damaged_workbook_is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentRefused, match="damaged Excel workbook"):
        extract(raw)


def test_an_encrypted_workbook_says_so() -> None:
    raw = bytearray(xls({"S": [["x"]]}))
    codepage = raw.index(b"\x42\x00\x02\x00")  # its record becomes the one that says that the rest is encrypted
    raw[codepage : codepage + 2] = b"\x2f\x00"
    with pytest.raises(DocumentRefused, match="encrypted: it needs a password"):
        extract(bytes(raw))


def test_sheets_behind_too_many_wide_rows_are_said_to_be_missing() -> None:
    book = xlwt.Workbook()
    for name in ("Wide", "Late"):
        sheet = book.add_sheet(name)
        for row in range(16_000):
            sheet.write(row, 255, "x")
            if row % 1000 == 0:
                sheet.flush_row_data()
    document = extract(saved(book))
    assert [heading.text for heading in document.headings] == ["Wide"]
    assert document.missing == "left out: sheets after too many cells: Late"

"""Excel: cells as they are shown, with their headers; nothing is computed, followed or made room for."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

import pytest
import xlsxwriter
from documents import repacked
from office import xlsx

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.xlsx import extract

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def made(fill: Callable[[xlsxwriter.Workbook], object]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        fill(book)
    return buffer.getvalue()


def sheet_of(rows: str, more: str = "") -> bytes:
    """A workbook whose only sheet is this markup."""
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{more}</worksheet>'
    return repacked(xlsx({"Sheet": [["x"]]}), {"xl/worksheets/sheet1.xml": sheet.encode()})


def test_a_sheet_is_a_heading_and_each_row_keeps_its_headers() -> None:
    document = extract(xlsx({"Parts": [["Part", "Bar", "Note"], ["Valve", 7, "red"], ["Pump", 3.5, ""]], "More": [["words"]]}))
    assert document.text == "Parts\n\n- Part: Valve; Bar: 7; Note: red\n- Part: Pump; Bar: 3.5\n\nMore\n\nwords\n\n"
    assert [heading.text for heading in document.headings] == ["Parts", "More"]


def test_dates_percent_and_truth_are_shown_as_in_excel() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("S")
        sheet.write_datetime(0, 0, datetime(2018, 9, 20), book.add_format({"num_format": "d mmm yyyy"}))
        sheet.write_number(0, 1, 0.256, book.add_format({"num_format": "0.0%"}))
        sheet.write_boolean(0, 2, True)

    assert extract(made(fill)).text == "S\n\n- 20 Sep 2018; 25.6%; TRUE\n"


def test_a_formula_shows_its_stored_result_and_one_without_is_said() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("S")
        sheet.write_formula(0, 0, "=6*7", None, 42)
        sheet.write_formula(0, 1, "=WEBSERVICE(A1)", None, "")

    document = extract(made(fill))
    assert document.text == "S\n\n42\n\n"
    assert document.missing == "left out: formulas without a stored result: 1"


def test_hidden_sheets_are_left_out_and_named() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet("Seen").write(0, 0, "seen")
        secret = book.add_worksheet("Secret")
        secret.write(0, 0, "salary")
        secret.very_hidden()

    document = extract(made(fill))
    assert "salary" not in document.text
    assert document.missing == "left out: hidden: Secret"


def test_comments_and_text_boxes_are_read_and_charts_are_said_to_be_missing() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("S")
        sheet.write(0, 0, 1)
        sheet.write_comment("B2", "Why so few?")
        sheet.insert_textbox("D4", "Mind the gap.")
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": "=S!$A$1:$A$1"})
        sheet.insert_chart("D9", chart)

    document = extract(made(fill))
    assert "Comment at B2: Why so few?" in document.text
    assert "Mind the gap." in document.text
    assert document.missing == "left out: charts or other objects: 1"


def test_a_cell_merged_over_rows_stands_in_each_of_them() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("S")
        sheet.write_row(0, 0, ["Hall", "Machine", "Bar"])
        sheet.merge_range(1, 0, 2, 0, "North")
        sheet.write_row(1, 1, ["Valve", 7])
        sheet.write_row(2, 1, ["Pump", 3])

    assert extract(made(fill)).text.endswith("- Hall: North; Machine: Valve; Bar: 7\n- Hall: North; Machine: Pump; Bar: 3\n")


def test_runs_of_several_looks_are_one_text_without_their_pronunciation() -> None:
    rich = '<row><c t="inlineStr"><is><r><t>one </t></r><r><t>text</t></r><rPh sb="0" eb="1"><t>wan</t></rPh></is></c></row>'
    assert extract(sheet_of(rich)).text == "Sheet\n\none text\n\n"


def test_cells_without_a_place_stand_one_behind_the_other() -> None:
    assert (
        extract(sheet_of("<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c><c/></row>")).text
        == "Sheet\n\n- 1; 2\n- 3\n"
    )


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        ('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>', ""),
        (
            '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row>',
            '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        ),
    ],
)
def test_no_room_is_made_for_cells_that_are_not_there(rows: str, more: str) -> None:
    document = extract(sheet_of(rows, more))
    assert len(document.text) < 50
    assert {"1", "2"} <= set(document.text)


def test_many_cells_that_share_no_column_are_read_row_by_row() -> None:
    letters = [a + b for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    rows = "".join(f'<row r="{n + 1}"><c r="{letters[n % 260]}{n + 1}"><v>{n}</v></c></row>' for n in range(8_000))
    assert extract(sheet_of(rows)).text.endswith("- 7998\n- 7999\n")


@pytest.mark.parametrize("cell", ['<c t="s"><v>77</v></c>', '<c t="s"><v>x</v></c>', '<c s="y"><v>1</v></c>'])
def test_a_cell_that_makes_no_sense_is_refused(cell: str) -> None:
    with pytest.raises(DocumentRefused, match="damaged Excel workbook"):
        extract(sheet_of(f"<row>{cell}</row>"))


def test_another_file_is_never_followed() -> None:
    relation = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="file:///etc/passwd" '
        'TargetMode="External"/></Relationships>'
    )
    assert extract(repacked(xlsx({"S": [["x"]]}), {"xl/_rels/workbook.xml.rels": relation.encode()})).text == ""

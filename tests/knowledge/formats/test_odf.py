"""OpenDocument: texts, sheets and slides, with what hangs on their lines."""

from __future__ import annotations

import pytest
from office import odf, odf_box, odf_row

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.odf import extract

HIDDEN = (
    '<style:style style:name="off"><style:table-properties table:display="false"/></style:style>'
    '<style:style style:name="dark"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
)


def text_of(body: str) -> str:
    return extract(odf("odt", body)).text


def sheet_of(rows: str, attributes: str = "") -> str:
    return f'<table:table table:name="S" {attributes}>{rows}</table:table>'


def test_headings_keep_their_levels() -> None:
    document = extract(odf("odt", '<text:h text:outline-level="1">A</text:h><text:h text:outline-level="3">B</text:h>'))
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "A"), (3, "B")]


def test_the_title_is_that_of_the_properties() -> None:
    title = '<dc:title xmlns:dc="http://purl.org/dc/elements/1.1/">Manual</dc:title>'
    meta = f"<office:document-meta NAMESPACES><office:meta>{title}</office:meta></office:document-meta>"
    assert extract(odf("odt", "<text:p>x</text:p>", parts={"meta.xml": meta})).title == "Manual"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<text:p>a<text:s text:c='2'/>b<text:tab/>c<text:line-break/>d</text:p>", "a  b\tc\nd\n\n"),
        ("<text:p>one <text:span>two</text:span> three</text:p>", "one two three\n\n"),
        ("<text:list><text:list-item><text:p>a</text:p></text:list-item></text:list>", "- a\n"),
        ("<text:section><text:p>inside</text:p></text:section>", "inside\n\n"),
        ("<text:p>x<office:annotation><text:p>why?</text:p></office:annotation></text:p>", "x\n\nComment: why?\n\n"),
        ("<text:p>x<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></text:p>", "x\n\nboxed\n\n"),
        ("<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:p>kept</text:p>", "kept\n\n"),
        ("<text:table-of-content><text:p>A 1</text:p></text:table-of-content><text:p>A</text:p>", "A\n\n"),
        (
            "<text:p>x<text:note><text:note-citation>1</text:note-citation><text:note-body>"
            "<text:p>see y</text:p></text:note-body></text:note> on</text:p>",
            "x[1] on\n\n[1] see y\n\n",
        ),
    ],
)
def test_a_text_reads_as_its_author_sees_it(body: str, text: str) -> None:
    assert text_of(body) == text


def test_a_table_keeps_the_headers_that_are_marked() -> None:
    head = f"<table:table-header-rows>{odf_row('Part', 'Bar')}</table:table-header-rows>"
    assert text_of(f"<table:table>{head}{odf_row('Valve', 'low')}</table:table>") == "- Part: Valve; Bar: low\n"


def test_a_note_in_a_cell_is_read() -> None:
    note = "x<office:annotation><text:p>why?</text:p></office:annotation>"
    assert text_of(f"<table:table>{odf_row(note, 'y')}</table:table>") == "- x; y\n\nComment: why?\n\n"


def test_a_picture_is_said_to_be_missing() -> None:
    document = extract(odf("odt", "<text:p>x<draw:frame><draw:image/></draw:frame></text:p>"))
    assert document.missing == "left out: pictures: 1"


def test_the_data_of_a_chart_is_read() -> None:
    head = f"<table:table-header-rows>{odf_row('', 'Ducks')}</table:table-header-rows>"
    chart = (
        '<c:document-content NAMESPACES xmlns:c="urn:o" xmlns:ch="urn:ch"><c:body><c:chart><ch:chart>'
        f"<table:table>{head}{odf_row('2024', '120')}</table:table></ch:chart></c:chart></c:body></c:document-content>"
    )
    frame = '<draw:frame><draw:object xlink:href="./Object 1"/><draw:image/></draw:frame>'
    document = extract(odf("odt", frame, parts={"Object 1/content.xml": chart}))
    assert (document.text, document.missing) == ("- 2024; Ducks: 120\n", "")


def test_cells_that_are_written_once_may_be_meant_often() -> None:
    cell = '<table:table-cell table:number-columns-repeated="3"><text:p>7</text:p></table:table-cell>'
    cells = f"<table:table-row>{cell}</table:table-row>"
    assert extract(odf("ods", sheet_of(cells))).text == "S\n\n- 7; 7; 7\n"


def test_no_room_is_made_for_empty_rows_and_cells() -> None:
    empty = (
        '<table:table-row table:number-rows-repeated="1048576">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    assert extract(odf("ods", sheet_of(odf_row("a", "b") + empty + odf_row("c", "d")))).text == "S\n\n- a; b\n- c; d\n"


def test_too_many_repeated_cells_are_refused() -> None:
    cells = (
        '<table:table-row table:number-rows-repeated="9999"><table:table-cell table:number-columns-repeated="9999">'
        "<text:p>x</text:p></table:table-cell></table:table-row>"
    )
    with pytest.raises(DocumentRefused, match="more than 250,000 cells"):
        extract(odf("ods", sheet_of(cells)))


def test_a_cell_over_rows_stands_in_each_of_them() -> None:
    first = (
        '<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>North</text:p></table:table-cell>'
        "<table:table-cell><text:p>7</text:p></table:table-cell></table:table-row>"
    )
    second = (
        "<table:table-row><table:covered-table-cell/><table:table-cell><text:p>8</text:p></table:table-cell></table:table-row>"
    )
    assert extract(odf("ods", sheet_of(first + second))).text == "S\n\n- North; 7\n- North; 8\n"


def test_a_hidden_sheet_is_left_out_and_named() -> None:
    document = extract(odf("ods", sheet_of(odf_row("salary"), 'table:style-name="off"'), HIDDEN))
    assert (document.text, document.missing) == ("", "left out: hidden: S")


def test_slides_are_pages_with_titles_and_notes() -> None:
    notes = (
        "<presentation:notes><draw:frame><draw:text-box><text:p>slowly</text:p></draw:text-box></draw:frame></presentation:notes>"
    )
    first = f"<draw:page>{odf_box('hot')}{odf_box('Boiler', 'title')}{notes}</draw:page>"
    slides = f"{first}<draw:page>{odf_box('Pump', 'title')}</draw:page>"
    document = extract(odf("odp", slides))
    assert document.text == "Boiler\n\nhot\n\nNotes: slowly\n\nPump\n\n"
    assert document.page_starts == (0, document.text.index("Pump"))


def test_a_hidden_slide_is_left_out_and_named() -> None:
    page = f'<draw:page draw:name="Two" draw:style-name="dark">{odf_box("secret")}</draw:page>'
    document = extract(odf("odp", page, HIDDEN))
    assert (document.text, document.missing) == ("", "left out: hidden: Two")

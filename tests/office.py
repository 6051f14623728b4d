"""Writes the office files that tests read: slides, sheets, OpenDocument and RTF."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

import xlsxwriter
import xlwt
from pptx import Presentation

ODF_TYPES = {"odt": "text", "ods": "spreadsheet", "odp": "presentation"}
_NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "drawing", "presentation", "style", "meta", "manifest")
).replace("xmlns:drawing", "xmlns:draw")


def saved(document: object) -> bytes:
    """The bytes of what a library saves to a file."""
    buffer = io.BytesIO()
    document.save(buffer)  # type: ignore[attr-defined]
    return buffer.getvalue()


def pptx(slides: Mapping[str, str]) -> bytes:
    """A presentation of titles with a paragraph each."""
    presentation = Presentation()
    for title, text in slides.items():
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
    return saved(presentation)


def xlsx(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook of rows by sheet."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return buffer.getvalue()


def xls(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook of before 2007, of rows by sheet."""
    book = xlwt.Workbook()
    for name, rows in sheets.items():
        sheet = book.add_sheet(name)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write(number, column, cell)
    return saved(book)


def odf(suffix: str, body: str, styles: str = "", parts: Mapping[str, str] = {}) -> bytes:  # noqa: B006  never changed
    """An OpenDocument file whose content is this markup."""
    kind = ODF_TYPES[suffix]
    content = (
        f'<?xml version="1.0"?><office:document-content {_NAMESPACES} xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}", zipfile.ZIP_STORED)
        archive.writestr("content.xml", content)
        for name, part in parts.items():
            archive.writestr(name, part.replace("NAMESPACES", _NAMESPACES))
    return buffer.getvalue()


def odf_sections(suffix: str, sections: Mapping[str, str]) -> bytes:
    """Headings with a paragraph each, as a text, as sheets or as slides."""
    if suffix == "odt":
        return odf(
            suffix, "".join(f'<text:h text:outline-level="1">{a}</text:h><text:p>{b}</text:p>' for a, b in sections.items())
        )
    if suffix == "ods":
        return odf(suffix, "".join(f'<table:table table:name="{a}">{odf_row(b)}</table:table>' for a, b in sections.items()))
    return odf(suffix, "".join(f"<draw:page>{odf_box(a, 'title')}{odf_box(b)}</draw:page>" for a, b in sections.items()))


def odf_row(*cells: str) -> str:
    filled = "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
    return f"<table:table-row>{filled}</table:table-row>"


def odf_box(text: str, kind: str = "outline") -> str:
    return f'<draw:frame presentation:class="{kind}"><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>'


def rtf(body: str) -> bytes:
    """A document of this markup, with two styles and two fonts, the second one Greek."""
    fonts = r"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset161 Arial;}}"
    head = fonts + r"{\stylesheet{\s0 Normal;}{\s1 Heading 1;}{\s2\outlinelevel1 Part;}}"
    return (r"{\rtf1\ansi\ansicpg1252\deff0" + head + body + "}").encode("ascii")


def rtf_text(text: str) -> str:
    """Words as RTF writes them: what is not ASCII by its halves of 16 bits."""
    halves = memoryview(text.encode("utf-16-le")).cast("H")
    return "".join(chr(half) if half < 128 else rf"\u{half - 65536 * (half > 32767)}?" for half in halves)

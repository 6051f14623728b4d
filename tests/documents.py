"""Writes the files that tests read: folders of text, PDF with an outline, Word documents, and broken ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import docx as word
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINE = 16


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files`, path to content, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def pdf(pages: Sequence[Sequence[str]], title: str = "", password: str = "", outline: bool = True) -> bytes:
    """A PDF of lines by page; with `outline`, the first line of each page stands in the outline."""
    buffer = io.BytesIO()
    encryption = StandardEncryption(password, canPrint=0) if password else None
    paper = canvas.Canvas(buffer, encrypt=encryption, invariant=1)
    paper.setTitle(title)
    for number, lines in enumerate(pages):
        if outline and lines:
            paper.bookmarkPage(str(number))
            paper.addOutlineEntry(lines[0], str(number))
        for row, line in enumerate(lines):
            paper.drawString(72, 750 - row * _LINE, line)
        paper.showPage()
    paper.save()
    return buffer.getvalue()


def printed(lines: Sequence[tuple[str, float]], outline: Sequence[str] = (), left: float = 72) -> bytes:
    """A PDF of one page: lines with the size of their letters, from 750 points downwards, two sizes apart."""
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer, invariant=1)
    paper.bookmarkPage("page")
    for entry in outline:
        paper.addOutlineEntry(entry, "page")
    height = 750.0
    for line, size in lines:
        paper.setFont("Helvetica", size)
        paper.drawString(left, height, line)
        height -= 2 * size
    paper.showPage()
    paper.save()
    return buffer.getvalue()


def scan(lines: Sequence[str], kind: str = "PNG", scale: int = 1) -> bytes:
    """A picture of lines of black letters on white."""
    image = Image.new("L", (1400 * scale, (80 * len(lines) + 120) * scale), 255)
    font = ImageFont.load_default(40 * scale)
    for row, line in enumerate(lines):
        ImageDraw.Draw(image).text((60 * scale, (60 + 80 * row) * scale), line, font=font, fill=0)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def scanned_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """A PDF whose pages are pictures of lines."""
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer, invariant=1)
    for lines in pages:
        paper.drawImage(ImageReader(io.BytesIO(scan(lines))), 0, 400, 595, 595 * (80 * len(lines) + 120) / 1400)
        paper.showPage()
    paper.save()
    return buffer.getvalue()


def docx(headings: Mapping[str, str], table: Sequence[Sequence[str]] = ()) -> bytes:
    """A Word document of headings with a paragraph each, and a table whose first row is marked as its header."""
    document = word.Document()
    for heading, paragraph in headings.items():
        document.add_heading(heading, level=1)
        document.add_paragraph(paragraph)
    if table:
        grid = document.add_table(len(table), len(table[0]))
        for row, texts in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
        properties = grid.rows[0]._tr.get_or_add_trPr()
        properties.append(properties.makeelement(f"{{{_WORD}}}tblHeader"))
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def docx_of(markup: str) -> bytes:
    """A Word document whose body is `markup`, well-formed or not."""
    body = f'<?xml version="1.0"?><w:document xmlns:w="{_WORD}" xmlns:r="{_OFFICE}"><w:body>{markup}</w:body></w:document>'
    styles = f'<w:styles xmlns:w="{_WORD}"/>'  # the template's are long, and all that reading it takes is spent on them
    return repacked(docx({}), {"word/document.xml": body.encode(), "word/styles.xml": styles.encode()})


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as written:
        for name, data in files.items():
            written.writestr(name, data)
    return packed.getvalue()


def repacked(archive: bytes, parts: Mapping[str, bytes]) -> bytes:
    """A ZIP archive with some of its parts replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return buffer.getvalue()

"""OpenDocument text, sheets and slides: headings, lists, tables, notes and comments; cells as the program itself shows them."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import sheet, table
from chatbot.knowledge.formats.archive import Archive, Limits, opened
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.sheet import Merged

_LIMITS = Limits(mebibytes=64, elements=500_000)
_LEFT_OUT = {"tracked-changes", "table-of-content", "forms", "sequence-decls", "variable-decls", "user-field-decls"}
_ASIDE = {"note", "annotation", "frame", "custom-shape", "g", "image", "object", "rect", "text-box"}
"""What stands in a line of text but is no part of it."""
_MAX_REPEATED = 1_000
"""How often a row or cell that is written once may be meant."""


def extract(raw: bytes) -> Extracted:
    """Read a document, a workbook or a presentation, whose slides count as pages.

    Raises:
        DocumentRefused: damaged, encrypted, or more than could be read in some seconds.
    """
    with opened(raw, "OpenDocument file", _LIMITS) as archive:
        if "META-INF/manifest.xml" in archive and archive.tree("META-INF/manifest.xml").find(".//encryption-data") is not None:
            raise DocumentRefused("encrypted: it needs a password")
        return _Reader(archive).read()


class _Reader:
    """Walks the content of one archive into one builder."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._content = archive.tree("content.xml")
        self._builder = TextBuilder()
        self._pictures = self._objects = self._notes = 0
        self._hidden_styles = {
            style.get(":name", "")
            for style in self._content.iterfind("automatic-styles/style")
            if any(part.get(":display") == "false" or part.get(":visibility") == "hidden" for part in style)
        }
        self._hidden: list[str] = []

    def read(self) -> Extracted:
        body = self._content.find("body")
        for kind in body if body is not None else ():
            for part in kind:
                if kind.tag == "spreadsheet" and part.tag == "table":
                    self._sheet(part)
                else:
                    self._block(part)
        meta = self._archive.tree("meta.xml").find("meta") if "meta.xml" in self._archive else None
        title, *dates = (meta.findtext(name) if meta is not None else "" for name in ("title", "date", "creation-date"))
        return self._builder.build(title or "", sheet.left_out(self._hidden, self._objects, self._pictures), dates)

    def _block(self, node: Element, mark: str = "") -> None:
        """Read one block; `mark` stands before its paragraphs where it is an item of a list."""
        if node.tag in _LEFT_OUT:
            return
        if node.tag == "h":
            self._builder.heading(_level(node), " ".join(_line(node).split()))
            self._asides(node)
        elif node.tag == "p":
            line = _line(node).strip()
            self._builder.block(f"{mark}{line}" if line else "", "\n" if mark else "\n\n")
            self._asides(node)
        elif node.tag == "table":
            self._table(node)
        elif node.tag == "page":
            self._slide(node)
        elif node.tag in _ASIDE:
            self._aside(node, mark)
        else:
            for part in node:
                self._block(part, "- " if node.tag == "list-item" else mark)

    def _asides(self, line: Element) -> None:
        """Read what hangs on a line of text: behind it."""
        for node in line:
            if node.tag in _ASIDE:
                self._aside(node)
            else:
                self._asides(node)

    def _aside(self, node: Element, mark: str = "") -> None:
        if node.tag == "note":
            self._notes += 1
            body = node.find("note-body")
            words = " ".join(_paragraphs(body)) if body is not None else ""
            self._builder.block(f"[{node.findtext('note-citation') or self._notes}] {words}" if words else "")
        elif node.tag == "annotation":
            self._builder.block(f"Comment: {' '.join(_paragraphs(node))}")
        elif node.tag == "image":
            self._pictures += 1
        elif node.tag == "frame" and (embedded := node.find("object")) is not None:
            self._object(embedded.get(":href", ""))  # its image is only how it last looked
        elif node.get(":class") == "title":
            self._builder.heading(1, " ".join(_paragraphs(node)))
        elif node.tag == "frame" and node.find("table") is not None:
            for part in node.iterfind("table"):  # and here a picture of it
                self._table(part)
        else:
            for part in node:
                self._block(part, mark)

    def _slide(self, slide: Element) -> None:
        self._builder.page()
        if slide.get(":style-name") in self._hidden_styles:
            self._hidden.append(slide.get(":name", ""))
            return
        for part in sorted(slide, key=lambda part: part.get(":class") != "title"):
            if part.tag == "notes":
                words = "\n".join(_paragraphs(part))
                self._builder.block(f"Notes: {words}" if words else "")
            else:
                self._block(part)

    def _table(self, grid: Element) -> None:
        headed = True if grid.find("table-header-rows") is not None else None
        rows = [[text for _, _, text, _ in self._cells(row)] for row, _ in _rows(grid)]
        table.write(self._builder, rows, headed)
        for node in grid.iter():
            if node.tag in {"note", "annotation", "text-box", "image"}:
                self._aside(node)

    def _object(self, path: str) -> None:
        """Read the data of an embedded chart; any other object is left out."""
        part = f"{path.removeprefix('./')}/content.xml"
        chart = self._archive.tree(part).find("body/chart/chart") if part in self._archive else None
        if chart is None:
            self._objects += 1
            return
        self._builder.block(" ".join(_paragraphs(title)) if (title := chart.find("title")) is not None else "")
        for data in chart.iterfind("table"):
            self._table(data)

    def _sheet(self, grid: Element) -> None:
        name = grid.get(":name", "")
        if grid.get(":style-name") in self._hidden_styles:
            self._hidden.append(name)
            return
        cells: dict[tuple[int, int], str] = {}
        merged: list[Merged] = []
        number = 0
        for row, repeated in _rows(grid):
            found = list(self._cells(row))
            for line in range(number, number + min(repeated, _MAX_REPEATED) if found else number):
                cells |= {(line, column + again): text for column, times, text, _ in found for again in range(times)}
                if len(cells) > sheet.MAX_CELLS:
                    raise DocumentRefused(f"has more than {sheet.MAX_CELLS:,} cells; split the document")
            merged += [Merged(number, column, number + span - 1, column) for column, _, _, span in found if span > 1]
            number += repeated
        sheet.write(self._builder, name, cells, merged)
        for node in grid.iter():
            if node.tag == "annotation":
                self._aside(node)
        for shapes in grid.iterfind("shapes"):
            self._asides(shapes)

    def _cells(self, row: Element) -> Iterator[tuple[int, int, str, int]]:
        """Cells that hold words, as (column, how many like it, text, rows it spans); those without, for a table, one by one."""
        column = 0
        for cell in row:
            if cell.tag in {"table-cell", "covered-table-cell"}:
                times = _count(cell, ":number-columns-repeated")
                text = " ".join(" ".join(_paragraphs(cell, aside=False)).split())
                if text or times == 1:
                    yield column, min(times, _MAX_REPEATED), text, _count(cell, ":number-rows-spanned")
                column += times


def _rows(grid: Element) -> Iterator[tuple[Element, int]]:
    """Each row with how often it is repeated; groups of rows and header rows are opened."""
    for part in grid:
        if part.tag == "table-row":
            yield part, _count(part, ":number-rows-repeated")
        elif part.tag in {"table-header-rows", "table-rows", "table-row-group"}:
            yield from _rows(part)


def _count(node: Element, attribute: str) -> int:
    return max(1, int(node.get(attribute, "1")[:9]))


def _level(heading: Element) -> int:
    return min(6, _count(heading, ":outline-level"))


def _paragraphs(node: Element, aside: bool = True) -> list[str]:
    """The lines inside, in order; with `aside`, those of frames and notes in it too."""
    lines: list[str] = []
    for part in node:
        if part.tag in {"p", "h"}:
            lines.append(_line(part).strip())
        elif aside or part.tag not in _ASIDE:
            lines += _paragraphs(part, aside)
    return [line for line in lines if line]


def _line(node: Element) -> str:
    parts = [node.text or ""]
    for part in node:
        if part.tag == "s":
            parts.append(" " * min(_count(part, ":c"), _MAX_REPEATED))
        elif part.tag == "tab":
            parts.append("\t")
        elif part.tag == "line-break":
            parts.append("\n")
        elif part.tag == "note":
            parts.append(f"[{part.findtext('note-citation') or ''}]" if part.findtext("note-citation") else "")
        elif part.tag not in _ASIDE and part.tag != "ruby-text":
            parts.append(_line(part))
        parts.append(part.tail or "")
    return "".join(parts)

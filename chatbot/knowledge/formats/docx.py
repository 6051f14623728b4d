"""Word documents: headings with their numbers, lists, tables, notes, comments, text boxes, charts, headers; as they read when
all changes are accepted."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import html, plain, sheet, table
from chatbot.knowledge.formats.archive import Archive, Limits, opened
from chatbot.knowledge.formats.chart import write_chart
from chatbot.knowledge.formats.docx_styles import Numbers, Styles
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder

_LIMITS = Limits(mebibytes=64, elements=600_000)
_GONE = {"del", "moveFrom", "delText", "instrText", "sectPr", "rt", "txbxContent", "tblPr", "tblGrid"}
"""Deleted, said elsewhere, or not said in this place."""
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes", "commentReference": "comments"}
_MAX_CHUNKS = 100
_MAX_SPAN = 100


def extract(raw: bytes) -> Extracted:
    """Read a document.

    Raises:
        DocumentRefused: damaged, encrypted, or more than could be read in some seconds.
    """
    with opened(raw, "Word document", _LIMITS) as archive:
        return _Reader(archive).read()


class _Reader:
    """Walks the parts of one archive into one builder."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._main = archive.related("", "officeDocument")[0]
        self._parts = {id: part for id, _, part in archive.relations(self._main)}
        self._builder = TextBuilder()
        self._styles = Styles(self._related("styles"))
        self._numbers = Numbers(self._related("numbering"), self._styles)
        self._asides = {kind: self._entries(kind) for kind in _NOTES.values()}
        self._notes = self._pictures = self._objects = self._chunks = 0
        self._unread: list[str] = []

    def read(self) -> Extracted:
        body = self._archive.tree(self._main).find("body")
        if body is None:
            raise DocumentRefused("damaged Word document: it has no body")
        self._running("header")
        self._blocks(body)
        self._running("footer")
        missing = [sheet.left_out([], self._objects, self._pictures), *self._unread]
        return self._builder.build(self._archive.title, "; ".join(filter(None, missing)), self._archive.dates)

    def _related(self, kind: str) -> Element | None:
        parts = self._archive.related(self._main, kind)
        return self._archive.tree(parts[0]) if parts else None

    def _entries(self, kind: str) -> dict[str, Element]:
        """Notes or comments by their ids; the lines that part notes from the text are among them and say nothing."""
        part = self._related(kind)
        return {entry.get(":id", ""): entry for entry in part} if part is not None else {}

    def _running(self, kind: str) -> None:
        """What stands at the top or bottom of every page, once."""
        lines = dict.fromkeys(
            line for part in self._archive.related(self._main, kind) for line in self._lines(self._archive.tree(part))
        )
        for line in lines:
            self._builder.block(line)

    def _blocks(self, node: Element) -> None:
        for part in node:
            if part.tag == "p":
                self._paragraph(part)
            elif part.tag == "tbl":
                self._table(part)
            elif part.tag == "altChunk":
                self._inserted(self._parts.get(part.get(":id", ""), ""))
            elif part.tag not in _GONE:
                self._blocks(part)

    def _paragraph(self, paragraph: Element) -> None:
        properties = paragraph.find("pPr")
        level, label = self._styles.level(properties), self._numbers.label(properties)
        asides: list[Element] = []
        words = "".join(self._inline(paragraph, asides)).strip()
        if words and level:
            self._builder.heading(min(level, 6), f"{label} {words}" if label not in {None, "-"} else words)
        elif words:
            listed = label is not None
            self._builder.block(f"{label} {words}" if label else words, "\n" if listed else "\n\n")
        for aside in asides:
            self._aside(aside)

    def _inline(self, node: Element, asides: list[Element]) -> Iterator[str]:
        """The words of a line; what hangs on it is put aside."""
        for part in node:
            if part.tag == "t":
                yield part.text or ""
            elif part.tag in _SIGNS:
                yield _SIGNS[part.tag]
            elif part.tag == "sym":
                yield _symbol(part.get(":char", ""))
            elif part.tag in _NOTES:
                asides.append(part)
                if part.tag != "commentReference" and part.get(":id") in self._asides[_NOTES[part.tag]]:
                    self._notes += 1
                    part.set("number", str(self._notes))
                    yield f"[{self._notes}]"
            elif part.tag in {"drawing", "pict", "object"}:
                asides.append(part)
            elif part.tag == "r" and _is_hidden(part):
                continue
            elif part.tag not in _GONE:
                yield from self._inline(part, asides)

    def _aside(self, node: Element) -> None:
        if node.tag in _NOTES:
            entry = self._asides[_NOTES[node.tag]].get(node.get(":id", ""))
            words = " ".join(self._lines(entry)) if entry is not None else ""
            label = "Comment:" if node.tag == "commentReference" else f"[{node.get('number')}]"
            self._builder.block(f"{label} {words}" if words else "")
            return
        self._pictures += sum(part.tag in {"pic", "imagedata"} for part in node.iter())
        self._objects += sum(part.tag == "OLEObject" for part in node.iter())
        for box in node.iter("txbxContent"):
            self._blocks(box)
        for chart in node.iter("chart"):
            if part := self._parts.get(chart.get(":id", "")):
                write_chart(self._builder, self._archive.tree(part))
        for diagram in node.iter("relIds"):
            if part := self._parts.get(diagram.get(":dm", "")):
                for point in self._archive.tree(part).iter("pt"):
                    self._builder.block("".join(text.text or "" for text in point.iter("t")))

    def _table(self, grid: Element) -> None:
        rows: list[list[str]] = []
        headed = None
        for row in _inside(grid, "tr"):
            properties = row.find("trPr")
            if properties is not None and properties.find("del") is not None:
                continue
            if not rows and properties is not None and properties.find("tblHeader") is not None:
                headed = True
            rows.append(self._cells(row, rows[-1] if rows else []))
        table.write(self._builder, rows, headed)

    def _cells(self, row: Element, above: list[str]) -> list[str]:
        """One text a column; a cell over several columns stands in the first of them, one over several rows in each."""
        cells: list[str] = []
        for cell in _inside(row, "tc"):
            properties = cell.find("tcPr")
            merged = properties.find("vMerge") if properties is not None else None
            if merged is not None and merged.get(":val", "continue") == "continue":
                text = above[len(cells)] if len(cells) < len(above) else ""
            else:
                text = " ".join(" ".join(self._lines(cell)).split())
            span = properties.find("gridSpan") if properties is not None else None
            width = span.get(":val", "1") if span is not None else "1"
            cells += [text, *[""] * (min(int(width[:4]), _MAX_SPAN) - 1 if width.isdecimal() else 0)]
        return cells

    def _lines(self, node: Element) -> list[str]:
        """All that stands in a part of the document, by lines."""
        outside, self._builder = self._builder, TextBuilder()
        self._blocks(node)
        inside, self._builder = self._builder, outside
        return [line for line in inside.build().text.split("\n") if line.strip()]

    def _inserted(self, part: str) -> None:
        """Another document that Word would take in at its opening."""
        self._chunks += 1
        suffix = part.rpartition(".")[2].lower()
        if part not in self._archive or self._chunks > _MAX_CHUNKS or suffix not in {"html", "htm", "xhtml", "txt"}:
            self._unread.append(f"not read: a document inside ({part or 'not there'})")
            return
        raw = self._archive.raw(part)
        self._builder.include(plain.extract(raw) if suffix == "txt" else html.from_markup(plain.decode(raw)), 0)


def _inside(node: Element, tag: str) -> Iterator[Element]:
    """Rows of a table or cells of a row, those in controls and accepted changes too, without those of tables inside."""
    for part in node:
        if part.tag == tag:
            yield part
        elif part.tag in {"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag"}:
            yield from _inside(part, tag)


def _is_hidden(run: Element) -> bool:
    properties = run.find("rPr")
    hidden = properties.find("vanish") if properties is not None else None
    return hidden is not None and hidden.get(":val", "1") not in {"0", "false", "off"}


def _symbol(code: str) -> str:
    """A character of a font of pictures has no meaning without the font."""
    try:
        sign = int(code, 16)
    except ValueError:
        return ""
    return chr(sign) if 32 <= sign < 0xD800 else ""

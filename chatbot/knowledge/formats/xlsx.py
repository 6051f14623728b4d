"""Excel workbooks: cells as they are shown, comments, text boxes; formulas are never computed and links never followed."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from chatbot.knowledge.formats import number_format, sheet
from chatbot.knowledge.formats.archive import Archive, Limits, opened
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.sheet import Merged

_LIMITS = Limits(mebibytes=96, elements=2 * sheet.MAX_CELLS)
_PLACE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")


def extract(raw: bytes) -> Extracted:
    """Read a workbook.

    Raises:
        DocumentRefused: damaged, encrypted, or more than could be read in some seconds.
    """
    with opened(raw, "Excel workbook", _LIMITS) as archive:
        return _Reader(archive).read()


class _Reader:
    """Reads the sheets of one archive into one builder."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._builder = TextBuilder()
        self._main = archive.related("", "officeDocument")[0]
        self._book = archive.tree(self._main)
        properties = self._book.find("workbookPr")
        self._since_1904 = properties is not None and properties.get("date1904") in {"1", "true"}
        self._strings = self._shared_strings()
        self._codes = self._format_codes()
        self._charts = self._pictures = self._formulas = 0

    def read(self) -> Extracted:
        parts = {id: part for id, _, part in self._archive.relations(self._main)}
        hidden: list[str] = []
        for entry in self._book.iterfind("sheets/sheet"):
            name, part = entry.get("name", ""), parts.get(entry.get(":id", ""))
            if entry.get("state", "visible") != "visible":
                hidden.append(name)
            elif part:
                self._sheet(name, part)
        left_out = sheet.left_out(hidden, self._charts, self._pictures, self._formulas)
        return self._builder.build(self._archive.title, left_out, self._archive.dates)

    def _sheet(self, name: str, part: str) -> None:
        tree = self._archive.tree(part)
        cells: dict[tuple[int, int], str] = {}
        row, column = -1, -1
        for line in tree.iterfind("sheetData/row"):
            row, column = int(line.get("r", row + 2)) - 1, -1
            for cell in line.iterfind("c"):
                row, column = _place(cell.get("r", "")) or (row, column + 1)
                cells[row, column] = self._text(cell)
        sheet.write(self._builder, name, cells, _merged(tree))
        for comments in self._archive.related(part, "comments"):
            for comment in self._archive.tree(comments).iter("comment"):
                self._builder.block(f"Comment at {comment.get('ref', '')}: {_string(comment.find('text'))}")
        for drawing in self._archive.related(part, "drawing"):
            self._drawing(self._archive.tree(drawing))

    def _drawing(self, drawing: Element) -> None:
        self._charts += sum(1 for _ in drawing.iter("chart"))
        self._pictures += sum(1 for _ in drawing.iter("pic"))
        for box in drawing.iter("txBody"):
            for paragraph in box.iterfind("p"):
                self._builder.block("".join(text.text or "" for text in paragraph.iter("t")))

    def _text(self, cell: Element) -> str:
        kind, value = cell.get("t", "n"), cell.findtext("v") or ""
        if kind == "s":
            return self._strings[int(value)] if value else ""
        if kind == "inlineStr":
            return _string(cell.find("is"))
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value, value)
        if kind != "n":
            return value
        if not value:
            self._formulas += cell.find("f") is not None
            return ""
        style = int(cell.get("s", "0"))
        code = self._codes[style] if style < len(self._codes) else "General"
        return number_format.shown(value, code, self._since_1904)

    def _shared_strings(self) -> list[str]:
        parts = self._archive.related(self._main, "sharedStrings")
        return [_string(string) for string in self._archive.tree(parts[0]).iterfind("si")] if parts else []

    def _format_codes(self) -> list[str]:
        """The number format of each cell style."""
        parts = self._archive.related(self._main, "styles")
        if not parts:
            return []
        styles = self._archive.tree(parts[0])
        own = {code.get("numFmtId", ""): code.get("formatCode", "") for code in styles.iterfind("numFmts/numFmt")}
        ids = [style.get("numFmtId", "0") for style in styles.iterfind("cellXfs/xf")]
        return [own[id] if id in own else number_format.built_in(int(id)) for id in ids]


def _string(string: Element | None) -> str:
    """Text of one look, or of several runs; how it is pronounced is left out."""
    if string is None:
        return ""
    return "".join(part.text or "" for part in [*string.iterfind("t"), *string.iterfind("r/t")])


def _place(reference: str) -> tuple[int, int] | None:
    """Row and column from 0 of a reference such as B7."""
    match = _PLACE.fullmatch(reference)
    if not match:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]) - 1, column - 1


def _merged(tree: Element) -> list[Merged]:
    corners = [span.get("ref", "").split(":") for span in tree.iterfind("mergeCells/mergeCell")]
    places = [(_place(pair[0]), _place(pair[-1])) for pair in corners]
    return [Merged(*first, *last) for first, last in places if first and last]

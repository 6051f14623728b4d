"""PowerPoint: a slide is a page and its title a heading; tables, diagrams, charts' data, speaker notes and comments are kept."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from chatbot.knowledge.formats import table
from chatbot.knowledge.formats.archive import Archive, Limits, opened
from chatbot.knowledge.formats.chart import write_chart
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder

_TITLES = {"title", "ctrTitle"}
_STANDING = {"dt", "ftr", "sldNum"}
"""Date, footer and number: the same on every slide."""
_LIMITS = Limits(mebibytes=32, elements=300_000)


def extract(raw: bytes) -> Extracted:
    """Read a presentation; page numbers count slides from 1, those that are hidden among them.

    Raises:
        DocumentRefused: damaged, encrypted, or more than could be read in some seconds.
    """
    with opened(raw, "PowerPoint presentation", _LIMITS) as archive:
        return _Reader(archive).read()


class _Reader:
    """Reads the slides of one archive into one builder."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._builder = TextBuilder()
        self._footers: set[str] = set()
        self._parts: dict[str, str] = {}
        """What the slide's relations point at, by their ids."""
        self._hidden = self._pictures = 0

    def read(self) -> Extracted:
        main = self._archive.related("", "officeDocument")[0]
        parts = {id: part for id, kind, part in self._archive.relations(main) if kind == "slide"}
        for slide in self._archive.tree(main).iterfind("sldIdLst/sldId"):
            self._builder.page()
            self._slide(parts[slide.get(":id", "")])
        missing = [_counted(self._hidden, "hidden slide"), _counted(self._pictures, "picture")]
        return self._builder.build(self._archive.title, "; ".join(filter(None, missing)), self._archive.dates)

    def _slide(self, part: str) -> None:
        slide = self._archive.tree(part)
        if slide.get("show") in {"0", "false"}:
            self._hidden += 1
            return
        relations = list(self._archive.relations(part))
        self._parts = {id: target for id, _, target in relations}
        shapes = list(_shapes(slide.find("cSld/spTree")))
        for shape in sorted(shapes, key=lambda shape: _placeholder(shape) not in _TITLES):
            self._shape(shape)
        for _, kind, target in relations:
            if kind == "notesSlide":
                self._notes(target)
            elif kind == "comments":
                self._comments(target)

    def _shape(self, shape: Element) -> None:
        placeholder = _placeholder(shape)
        paragraphs = [text for text in map(_text, shape.iterfind("txBody/p")) if text]
        if placeholder in _TITLES:
            self._builder.heading(1, " ".join(" ".join(paragraphs).split()))
        elif placeholder in _STANDING:
            footer = " ".join(paragraphs)
            if placeholder != "sldNum" and footer not in self._footers:
                self._builder.block(footer)
            self._footers.add(footer)
        elif shape.tag == "pic":
            self._pictures += 1
        elif shape.tag == "graphicFrame":
            self._graphic(shape)
        else:
            listed = placeholder in {"body", "obj"} and len(paragraphs) > 1
            for text in paragraphs:
                self._builder.block(f"- {text}" if listed else text, "\n" if listed else "\n\n")

    def _graphic(self, frame: Element) -> None:
        for grid in frame.iter("tbl"):
            properties = grid.find("tblPr")
            headed = properties is not None and properties.get("firstRow") in {"1", "true"}
            table.write(self._builder, [_cells(row) for row in grid.iterfind("tr")], headed or None)
        for chart in frame.iter("chart"):
            write_chart(self._builder, self._archive.tree(self._parts[chart.get(":id", "")]))
        for diagram in frame.iter("relIds"):
            for point in self._archive.tree(self._parts[diagram.get(":dm", "")]).iter("pt"):
                self._builder.block(" ".join(filter(None, map(_text, point.iterfind("t/p")))))
        if frame.find(".//oleObj") is not None:
            self._pictures += 1

    def _notes(self, part: str) -> None:
        for shape in _shapes(self._archive.tree(part).find("cSld/spTree")):
            notes = [text for text in map(_text, shape.iterfind("txBody/p")) if text]
            if _placeholder(shape) == "body" and notes:
                self._builder.block("Notes: " + "\n".join(notes))

    def _comments(self, part: str) -> None:
        for comment in self._archive.tree(part).iter():
            if comment.tag in {"cm", "reply"}:
                paragraphs = [comment.findtext("text") or "", *map(_text, comment.iterfind("txBody/p"))]
                self._builder.block("Comment: " + " ".join(filter(None, paragraphs)))


def _shapes(tree: Element | None) -> Iterator[Element]:
    """In their order, which is that of reading aloud; a group's stand in its place."""
    for shape in tree if tree is not None else ():
        if shape.tag in {"grpSp", "AlternateContent", "Choice"}:
            yield from _shapes(shape)
        else:
            yield shape


def _placeholder(shape: Element) -> str:
    """What a slide's layout has the shape for; empty where it is the author's own."""
    holder = shape.find("nvSpPr/nvPr/ph")
    return holder.get("type", "obj") if holder is not None else ""


def _text(paragraph: Element) -> str:
    breaks = {"br": "\n", "tab": "\t"}
    return "".join(breaks.get(node.tag) or (node.text or "" if node.tag == "t" else "") for node in paragraph.iter()).strip()


def _cells(row: Element) -> list[str]:
    """One text a column; a cell that spans several stands in the first of them."""
    return [" ".join(" ".join(map(_text, cell.iterfind("txBody/p"))).split()) for cell in row.iterfind("tc")]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''} left out" if count else ""

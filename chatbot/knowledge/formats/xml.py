"""XML, by expat: flat records as rows that keep their fields' names, prose as paragraphs, titles of sections as headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5
from xml.parsers.expat import ExpatError, ParserCreate

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import html
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.plain import decode

_DECLARED = re.compile(rb"<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]+)")
_UNMARKED_UTF_16 = {b"<\x00?\x00": "utf-16-le", b"\x00<\x00?": "utf-16-be"}
_MAX_ELEMENTS = 300_000
_MAX_DEPTH = 100
_MAX_TEXT = 8 * 2**20
"""Names stand at every value, so a small file can make a large text."""
_MAX_VALUE = 300
"""What is longer is prose, which needs no name in front of it."""
_PROSE = {"p", "para", "paragraph", "simpara", "text", "content", "body", "li", "line", "l", "s", "quote", "note", "pre", "code"}
_TITLES = {"title", "heading", "head", "h1", "h2", "h3", "h4", "h5", "h6"}
_SPACE = re.compile(r"\s+")
_MARKUP = re.compile(r"</[a-zA-Z]|<br ?/?>")
_INLINE = re.compile(r"</?(?:a|b|i|u|em|strong|span|code|small|sub|sup|abbr|font)(?:\s[^<>]*)?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--[^<>]*-->")


@dataclass
class _Element:
    name: str
    """Without the prefix of its namespace."""
    fields: dict[str, str]
    children: list[_Element | str] = field(default_factory=list)

    def elements(self) -> list[_Element]:
        return [child for child in self.children if isinstance(child, _Element)]

    def is_mixed(self) -> bool:
        return any(isinstance(child, str) and child.strip() for child in self.children)

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


def extract(raw: bytes) -> Extracted:
    """Read a document as far as it is whole; entities are the characters that HTML names, and no other file is read.

    Raises:
        DocumentRefused: no XML, declares entities, or has more than could be read in some seconds.
    """
    declared = _DECLARED.search(raw[:200])
    unmarked = _UNMARKED_UTF_16.get(raw[:4])
    text = raw.decode(unmarked, errors="replace") if unmarked else decode(raw, declared[1].decode("ascii") if declared else "")
    tree = _Tree()
    tree.read(text.lstrip("\ufeff \t\n"))
    if tree.root.name == "html":
        return html.extract(text.encode())
    writer = _Writer()
    writer.walk(tree.root, 1)
    return writer.builder.build(missing="; ".join(filter(None, [writer.missing, tree.missing])))


class _Tree:
    """What expat reports, as elements."""

    def __init__(self) -> None:
        self.root = _Element("", {})
        self.missing = ""
        self._open: list[_Element] = []
        self._count = 0
        self._parser = ParserCreate()
        self._parser.buffer_text = True
        self._parser.UseForeignDTD(True)  # else a name like &nbsp; ends the reading where the document type is not known
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity
        self._parser.SkippedEntityHandler = self._skipped

    def read(self, text: str) -> None:
        try:
            self._parser.Parse(text, True)
        except ExpatError as error:
            if not any(isinstance(child, str) and child.strip() for child in _everything(self.root)):
                raise DocumentRefused(f"damaged XML: {error}") from error
            self.missing = f"what follows where the XML is damaged: {error}"

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MAX_ELEMENTS:
            raise DocumentRefused(f"has more than {_MAX_ELEMENTS:,} elements; split the document")
        if len(self._open) >= _MAX_DEPTH:
            raise DocumentRefused(f"nested more than {_MAX_DEPTH} levels deep")
        element = _Element(_local(name), dict(_fields(attributes)))
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].children.append(text)

    def _entity(self, *_declaration: object) -> None:
        # a few of them stand for gigabytes or for a file of this machine
        raise DocumentRefused("it declares entities, which are not read; replace them by what they stand for")

    def _skipped(self, name: str, _is_parameter: bool) -> None:
        if self._open:
            self._open[-1].children.append(html5.get(f"{name};", ""))


class _Writer:
    """Writes elements as text until there is too much of it."""

    def __init__(self) -> None:
        self.builder = TextBuilder()
        self.missing = ""
        self._size = 0

    def walk(self, element: _Element, level: int) -> None:
        children = element.elements()
        if self.missing:
            return
        if element.is_mixed() or not children:
            self._leaf(element)
        elif _is_record(element):
            self._record(element)
        else:
            self._section(element, children, level)

    def _section(self, element: _Element, children: list[_Element], level: int) -> None:
        """Titles are headings of what stands beside them; other values before the first part are one record."""
        if element.fields:
            self._row("; ".join(f"{element.name} {name}: {value}" for name, value in element.fields.items()))
        below = level + 1 if any(child.name in _TITLES for child in children) else level
        for child in children:
            is_title = child.name in _TITLES and not child.elements()
            if is_title and self._grows(child.text()):
                self.builder.heading(min(level, 6), _line(child.text()))
            else:
                self.walk(child, below)

    def _leaf(self, element: _Element) -> None:
        text = _value(element)
        if not text and not element.fields:
            return
        if element.name in _PROSE or len(text) > _MAX_VALUE:
            self._paragraph(text)
        else:
            self._row("; ".join(_named(element)))

    def _record(self, element: _Element) -> None:
        attributes = [f"{name}: {value}" for name, value in element.fields.items()]
        parts = [*attributes, *(part for child in element.elements() for part in _named(child))]
        if any(len(part) > _MAX_VALUE for part in parts):
            for part in parts:
                self._paragraph(part)
        else:
            self._row("; ".join(parts))

    def _row(self, text: str) -> None:
        if text and self._grows(text):
            self.builder.block(f"- {text}", "\n")

    def _paragraph(self, text: str) -> None:
        if text and self._grows(text):
            self.builder.block(text)

    def _grows(self, text: str) -> bool:
        self._size += len(text)
        if self._size > _MAX_TEXT:
            self.missing = f"what follows the first {_MAX_TEXT // 2**20} million characters"
        return not self.missing


def _everything(element: _Element) -> Iterator[_Element | str]:
    for child in element.children:
        yield child
        if isinstance(child, _Element):
            yield from _everything(child)


def _is_record(element: _Element) -> bool:
    children = element.elements()
    return all(not child.elements() and child.name not in _PROSE for child in children)


def _named(element: _Element) -> Iterator[str]:
    """A value under its name, and its attributes: “price: 5 (currency: EUR)”, or only these where there is no value."""
    text = _value(element)
    attributes = [f"{name}: {value}" for name, value in element.fields.items()]
    if text:
        yield f"{element.name}: {text}" + (f" ({'; '.join(attributes)})" if attributes else "")
    else:
        yield from (f"{element.name} {attribute}" for attribute in attributes)


def _value(element: _Element) -> str:
    text = element.text()
    if _MARKUP.search(text):  # feeds carry pages of HTML as the text of an element, too many for a whole parser each
        text = unescape(_TAG.sub(" ", _INLINE.sub("", text)))
    return _line(text)


def _fields(attributes: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Attributes that say something: no namespaces, and nothing that only the schema is told."""
    for name, value in attributes.items():
        if value.strip() and name != "xmlns" and not name.startswith(("xmlns:", "xml:", "xsi:")):
            yield _local(name), _line(value)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()

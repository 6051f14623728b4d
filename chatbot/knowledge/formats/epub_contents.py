"""A book's own lists (EPUB): the package's parts in reading order, and the table of contents of either version."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote
from xml.parsers.expat import ExpatError, ParserCreate

from chatbot.errors import DocumentRefused
from chatbot.schema import Value

_PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml"}
_CONTENTS = "application/x-dtbncx+xml"
_MAX_ENTRIES = 10_000
_MAX_ELEMENTS = 200_000
_SPACE = re.compile(r"\s+")


class Entry(Value):
    """A line of the table of contents."""

    level: int
    """1 is the highest."""
    title: str
    path: str
    """The part it points into."""


class Package:
    """What the package document says: the title, and every part with its place in the reading order."""

    def __init__(self, raw: bytes, path: str) -> None:
        self._folder = posixpath.dirname(path)
        self._parts: dict[str, tuple[str, str]] = {}
        self._order: list[str] = []
        self._title: list[str] = []
        self._titles = 0
        self._in_title = False
        self._navigation = self._ncx = ""
        _parse(raw, self._start, self._end, self._text)

    @property
    def title(self) -> str:
        return _line("".join(self._title))

    @property
    def contents(self) -> list[str]:
        """Parts that may hold the table of contents, the newer version first."""
        return [path for path in (self._navigation, self._ncx) if path]

    def chapters(self) -> list[str]:
        """Parts in reading order, each once; those that are pictures are left out."""
        parts = (self._parts.get(name, ("", "")) for name in self._order)
        return list(dict.fromkeys(path for path, kind in parts if kind in _PAGES))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "item":
            path, kind = resolved(self._folder, attributes.get("href", "")), attributes.get("media-type", "")
            self._parts[attributes.get("id", "")] = path, kind
            if "nav" in attributes.get("properties", "").split():
                self._navigation = path
            if kind == _CONTENTS:
                self._ncx = path
        elif name == "itemref":
            self._order.append(attributes.get("idref", ""))
        elif name == "title":
            self._titles += 1
            self._in_title = self._titles == 1

    def _end(self, name: str) -> None:
        if name == "title":
            self._in_title = False

    def _text(self, text: str) -> None:
        if self._in_title:
            self._title.append(text)


class _Contents:
    """The table of contents: `navPoint` inside `navPoint` in version 2, a list inside a list in version 3."""

    def __init__(self, raw: bytes, path: str) -> None:
        self.entries: list[Entry] = []
        self._folder = posixpath.dirname(path)
        self._level = 0
        self._listed = 0
        """How many elements are open inside the list of contents; a book has lists of pictures and pages too."""
        self._target = ""
        self._label: list[str] = []
        self._collecting = False
        _parse(raw, self._start, self._end, self._text)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "nav":
            kinds = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "type"), "toc").split()
            self._listed = 1 if "toc" in kinds else 0
        elif name == "navPoint" or (name == "ol" and self._listed):
            self._level += 1
        elif name == "text" and self._level:
            self._begin()
        elif name == "a" and self._listed:
            self._begin()
            self._target = attributes.get("href", "")
        elif name == "content" and self._level:
            self._add(attributes.get("src", ""))

    def _end(self, name: str) -> None:
        if name == "nav":
            self._listed = 0
        elif name == "navPoint" or (name == "ol" and self._listed):
            self._level -= 1
        elif name == "text":
            self._collecting = False
        elif name == "a" and self._collecting:
            self._collecting = False
            self._add(self._target)

    def _text(self, text: str) -> None:
        if self._collecting:
            self._label.append(text)

    def _begin(self) -> None:
        self._label.clear()
        self._collecting = True

    def _add(self, target: str) -> None:
        title = _line("".join(self._label))
        if title and target and len(self.entries) < _MAX_ENTRIES:
            path = resolved(self._folder, target.partition("#")[0])
            self.entries.append(Entry(level=min(max(self._level, 1), 6), title=title, path=path))


def entries(raw: bytes, path: str) -> list[Entry]:
    """The lines of a table of contents that stands in the part `path`.

    Raises:
        DocumentRefused: it is damaged.
    """
    return _Contents(raw, path).entries


def package_path(container: bytes) -> str:
    """Where the package document stands.

    Raises:
        DocumentRefused: the container document is damaged or does not say.
    """
    found = [attributes["full-path"] for attributes in _elements(container, "rootfile") if attributes.get("full-path")]
    if not found:
        raise DocumentRefused("damaged book: it does not say where its contents stand")
    return found[0]


def encrypted(encryption: bytes) -> set[str]:
    """Parts that need a key.

    Raises:
        DocumentRefused: the list of them is damaged.
    """
    return {unquote(attributes.get("URI", "")) for attributes in _elements(encryption, "CipherReference")}


def resolved(folder: str, target: str) -> str:
    """The path inside the archive that a reference in `folder` means."""
    return posixpath.normpath(posixpath.join(folder, unquote(target)))


def _elements(raw: bytes, wanted: str) -> Iterator[dict[str, str]]:
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == wanted:
            found.append(attributes)

    _parse(raw, start, lambda _name: None, lambda _text: None)
    return iter(found)


def _parse(
    raw: bytes, start: Callable[[str, dict[str, str]], None], end: Callable[[str], None], text: Callable[[str], None]
) -> None:
    """Report elements by their names without a prefix."""
    count = 0

    def counted(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > _MAX_ELEMENTS:
            raise DocumentRefused(f"a list of the book has more than {_MAX_ELEMENTS:,} elements")
        start(name.rpartition(":")[2], attributes)

    def entity(*_declaration: object) -> None:
        # a few of them stand for gigabytes or for a file of this machine
        raise DocumentRefused("the book declares entities")

    parser = ParserCreate()
    parser.buffer_text = True
    parser.UseForeignDTD(True)  # else a name like &nbsp; ends the reading where the document type is not known
    parser.StartElementHandler = counted
    parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(raw, True)
    except (ExpatError, ValueError, LookupError) as error:
        raise DocumentRefused(f"damaged book: {error}") from error


def _line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()

"""ZIP archives of markup, as office programs write them: measured before they are read, their parts as trees.

Knows nothing about what the parts mean.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers.expat import ExpatError, ParserCreate

from chatbot.errors import DocumentRefused
from chatbot.schema import Value

_MAX_ENTRIES = 10_000
_MAX_UNPACKED = 256 * 2**20
_MAX_DEPTH = 200
"""Readers walk a tree level by level, a few frames each; Python's stack holds a thousand."""
_PIECE = 64 * 2**10
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, ExpatError, EOFError, OSError, SyntaxError,  # the archive, the markup
    LookupError, ValueError, TypeError, AttributeError, RuntimeError,  # what is read trusts what the markup says
)  # fmt: skip
"""What reading a broken archive raises."""
_BROKEN_PART = (zipfile.BadZipFile, zlib.error, EOFError)


class Limits(Value):
    """How much markup, all parts together, is read in some seconds."""

    mebibytes: int = 64
    elements: int = 500_000
    relations: int = 10_000
    """Links and pictures, mostly."""
    depth: int = _MAX_DEPTH


class Archive:
    """The parts of one archive. What lies outside of it is never followed."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = set(archive.namelist())

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def tree(self, name: str) -> Element:
        """A part's markup, its names without their namespaces: `<a:p r:id="1">` becomes `<p :id="1">`.

        Raises:
            KeyError, ParseError: there is no such part, or it is no markup.
        """
        root = ElementTree.fromstring(self._archive.read(name))
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
            for key in [key for key in element.attrib if key[0] == "{"]:
                element.attrib[":" + key.rpartition("}")[2]] = element.attrib.pop(key)
        for choice in list(root.iter("AlternateContent")):
            for fallback in choice.findall("Fallback"):  # says the same again, for older programs
                choice.remove(fallback)
        return root

    def raw(self, name: str) -> bytes:
        """A part as it is.

        Raises:
            KeyError: there is no such part.
        """
        return self._archive.read(name)

    def relations(self, name: str) -> Iterator[tuple[str, str, str]]:
        """A part's relations to other parts, as (id, kind, part); kinds are "slide", "comments" and so on."""
        folder, _, file = name.rpartition("/")
        relations = posixpath.join(folder, "_rels", f"{file}.rels")
        for relation in self.tree(relations) if relations in self else ():
            target = posixpath.normpath(posixpath.join("/", folder, relation.get("Target", ""))).lstrip("/")
            if relation.get("TargetMode") != "External" and target in self:
                yield relation.get("Id", ""), relation.get("Type", "").rpartition("/")[2], target

    @property
    def title(self) -> str:
        """That the properties of an Office document give it; empty where they give none."""
        return self._property("title")

    @property
    def dates(self) -> tuple[str, str]:
        """On which the properties of an Office document say it was changed, and made."""
        return self._property("modified"), self._property("created")

    def _property(self, name: str) -> str:
        properties = self.related("", "core-properties")
        return (self.tree(properties[0]).findtext(name) if properties else "") or ""

    def related(self, name: str, kind: str) -> list[str]:
        return [part for _, found, part in self.relations(name) if found == kind]


@contextmanager
def opened(raw: bytes, kind: str, limits: Limits) -> Generator[Archive]:
    """Measure an archive, then give its parts.

    Raises:
        DocumentRefused: damaged, here or where its parts are read; or too much; `kind` says what it was to be.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
                raise DocumentRefused("unpacks to more than 256 MiB or 10,000 parts")
            if any(entry.flag_bits & 1 for entry in entries):
                raise DocumentRefused("encrypted: it needs a password")
            _check_markup(archive, limits)
            yield Archive(archive)
    except DAMAGE as error:
        raise DocumentRefused(f"damaged {kind}: {error}") from error


def _check_markup(archive: zipfile.ZipFile, limits: Limits) -> None:
    # what a part is named says nothing: the document's own relations say which part is read as what
    size = elements = relations = 0
    for entry in archive.infolist():
        count = _Count(limits.depth)
        # a part that breaks here breaks again where it is read, if it is
        with suppress(ExpatError, *_BROKEN_PART), archive.open(entry) as part:
            while piece := part.read(_PIECE):
                count.feed(piece)
                if size + count.size > limits.mebibytes * 2**20:
                    raise DocumentRefused(f"unpacks to more than {limits.mebibytes} MiB of markup; split the document")
                if elements + count.elements > limits.elements:
                    raise DocumentRefused(f"has more than {limits.elements:,} elements of markup; split the document")
        size += count.size
        elements += count.elements
        relations += count.elements if entry.filename.endswith(".rels") else 0
        if relations > limits.relations:
            raise DocumentRefused(f"has more than {limits.relations:,} links and pictures; split the document")


class _Count:
    """What a part holds as far as it is XML."""

    def __init__(self, max_depth: int) -> None:
        self.size = self.elements = self._depth = 0
        self._max_depth = max_depth
        self._parser = ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.EntityDeclHandler = self._entity

    def feed(self, piece: bytes) -> None:
        self._parser.Parse(piece)
        self.size += len(piece)

    def _start(self, _name: str, _attributes: dict[str, str]) -> None:
        self.elements += 1
        self._depth += 1
        if self._depth > self._max_depth:
            raise DocumentRefused(f"its markup is nested more than {self._max_depth} levels deep")

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _entity(self, *_declaration: object) -> None:
        # a few of them stand for gigabytes, and no office program writes one
        raise DocumentRefused("its markup declares entities")

"""Word documents, by mammoth, read through HTML: headings, lists and tables are kept, pictures are not."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from contextlib import suppress
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

import mammoth

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.html import from_markup

_MAX_ENTRIES = 10_000
_MAX_UNPACKED = 256 * 2**20
_MAX_XML = 8 * 2**20
_MAX_ELEMENTS = 100_000
"""A few hundred pages; mammoth takes a second for each ten thousand."""
_MAX_RELATIONS = 10_000
"""Links and pictures, mostly; for these mammoth's time grows with the square."""
_PIECE = 64 * 2**10
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, ExpatError, EOFError, OSError, SyntaxError,  # the archive, the markup
    LookupError, ValueError, TypeError, AttributeError, RuntimeError,  # mammoth trusts what the markup says
)  # fmt: skip


def extract(raw: bytes) -> Extracted:
    """Read a document.

    Raises:
        DocumentRefused: damaged, or it unpacks to more than could be read in some seconds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
                raise DocumentRefused("unpacks to more than 256 MiB or 10,000 parts")
            _check_markup(archive)
        converted: Any = mammoth.convert_to_html(io.BytesIO(raw), convert_image=mammoth.images.img_element(_no_image))
    except _DAMAGE as error:
        raise DocumentRefused(f"damaged Word document: {error}") from error
    return from_markup(f"<body>{converted.value}</body>")


def _no_image(_image: Any) -> dict[str, str]:
    return {}


def _check_markup(archive: zipfile.ZipFile) -> None:
    # what a part is named says nothing: the document's own relations say which part is read as what
    size = elements = relations = 0
    for entry in archive.infolist():
        count = _Count()
        with archive.open(entry) as part, suppress(ExpatError):
            while piece := part.read(_PIECE):
                count.feed(piece)
                if size + count.size > _MAX_XML:
                    raise DocumentRefused(f"unpacks to more than {_MAX_XML // 2**20} MiB of markup; split the document")
                if elements + count.elements > _MAX_ELEMENTS:
                    raise DocumentRefused(f"has more than {_MAX_ELEMENTS:,} elements of markup; split the document")
        size += count.size
        elements += count.elements
        relations += count.elements if entry.filename.endswith(".rels") else 0
        if relations > _MAX_RELATIONS:
            raise DocumentRefused(f"has more than {_MAX_RELATIONS:,} links and pictures; split the document")


class _Count:
    """What a part holds as far as it is XML."""

    def __init__(self) -> None:
        self.size = self.elements = 0
        self._parser = ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EntityDeclHandler = self._entity

    def feed(self, piece: bytes) -> None:
        self._parser.Parse(piece)
        self.size += len(piece)

    def _start(self, _name: str, _attributes: dict[str, str]) -> None:
        self.elements += 1

    def _entity(self, *_declaration: object) -> None:
        # a few of them stand for gigabytes, and Word writes none
        raise DocumentRefused("its markup declares entities")

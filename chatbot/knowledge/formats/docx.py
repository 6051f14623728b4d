"""Word documents, by mammoth, read through HTML: headings, lists and tables are kept, pictures are not."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any
from xml.parsers.expat import ExpatError

import mammoth

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.html import from_markup

_MAX_ENTRIES = 10_000
_MAX_UNPACKED = 256 * 2**20
_MAX_XML = 16 * 2**20
"""One part of markup, several thousand pages of text; mammoth takes seconds and tens of megabytes for each megabyte of it."""
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, ExpatError, EOFError, OSError, SyntaxError,  # the archive, the markup
    LookupError, ValueError, TypeError, AttributeError, RuntimeError,  # mammoth trusts what the markup says
)  # fmt: skip


def extract(raw: bytes) -> Extracted:
    """Read a document.

    Raises:
        DocumentRefused: damaged, or it unpacks to more than 256 MiB, of markup to more than 16 MiB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
                raise DocumentRefused("unpacks to more than 256 MiB or 10,000 parts")
            if any(entry.file_size > _MAX_XML for entry in entries if entry.filename.endswith(".xml")):
                raise DocumentRefused("unpacks to more than 16 MiB of markup")
        converted: Any = mammoth.convert_to_html(io.BytesIO(raw), convert_image=mammoth.images.img_element(_no_image))
    except _DAMAGE as error:
        raise DocumentRefused(f"damaged Word document: {error}") from error
    return from_markup(f"<body>{converted.value}</body>")


def _no_image(_image: Any) -> dict[str, str]:
    return {}

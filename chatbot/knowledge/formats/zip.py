"""ZIP archives: every file that some format reads is a section under its name; nothing is ever written to the disk."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.member import Members

_MAX_ENTRIES = 10_000
MAX_RATIO = 200
"""Text packs to a twentieth, tables of one word repeated to a hundredth."""
SMALL = 2**20
"""What unpacks to less does no harm, however well it was packed."""
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""LZMA lets the file say how much memory it takes."""
_ENCRYPTED = 0x1
_UTF_8 = 0x800
_SYSTEM = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_OTHER_FORMATS = {"[Content_Types].xml": "an Office document", "META-INF/container.xml": "a book (EPUB)"}
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError,  # the archive
    ValueError, RuntimeError, LookupError, OverflowError,  # a header that lies, a packing that is not known, a password
)  # fmt: skip
"""What zipfile raises on archives that are broken, or that it cannot read."""


def extract(raw: bytes) -> Extracted:
    """Read an archive's members in the order they stand in.

    Raises:
        DocumentRefused: damaged, of more than 10,000 files, another format under this name, or none of its members can be read.
    """
    members = Members(TextBuilder(), level=1)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            _check(entries)
            for entry in entries:
                _add(members, archive, entry)
    except DAMAGE as error:
        raise DocumentRefused(f"damaged archive: {error}") from error
    return members.build()


def unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """A member's bytes, at most `limit` and one more.

    Raises:
        DocumentRefused: damaged, encrypted, packed in a rare way, or so densely that it can only be a bomb.
    """
    if entry.flag_bits & _ENCRYPTED:
        raise DocumentRefused("it is encrypted")
    if entry.compress_type not in _PACKINGS:
        raise DocumentRefused("it is packed in a way that is not read; pack it with “deflate”")
    if entry.file_size > max(SMALL, entry.compress_size * MAX_RATIO):
        raise DocumentRefused(f"it unpacks to more than {MAX_RATIO} times its size")
    try:
        with archive.open(entry) as part:
            return part.read(limit + 1)
    except DAMAGE as error:
        raise DocumentRefused(f"it is damaged: {error}") from error


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > _MAX_ENTRIES:
        raise DocumentRefused(f"holds more than {_MAX_ENTRIES:,} files; split the archive")
    for entry in entries:
        if other := _OTHER_FORMATS.get(entry.filename):
            raise DocumentRefused(f"named .zip, but it is {other}; give it its right name")


def _add(members: Members, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    name = _name(entry)
    if entry.is_dir() or name.startswith(_SYSTEM[0]) or name.rsplit("/", 1)[-1] in _SYSTEM:
        return
    if stat.S_ISLNK(entry.external_attr >> 16):
        members.skip(name, "it is a link")
    elif name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
        members.skip(name, "its name leads out of the archive")
    else:
        members.add(name, lambda limit: unpack(archive, entry, limit))


def _name(entry: zipfile.ZipInfo) -> str:
    """The name; packers that do not say how they wrote it mostly mean UTF-8, which zipfile reads as the code page of DOS."""
    name = entry.filename.replace("\\", "/")
    if entry.flag_bits & _UTF_8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name

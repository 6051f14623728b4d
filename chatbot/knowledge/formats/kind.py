"""What a file is, told by its bytes and never by its name: the suffix that it should have, or what holds it."""

from __future__ import annotations

import io
import zipfile
import zlib

from olefile import OleFileIO

_MAGIC = {
    b"%PDF-": "pdf",
    b"{\\rtf": "rtf",
    b"PK\x03\x04": "zip",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "ole",
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"GIF8": "gif",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"\x1f\x8b": "gz",
    **{f"BZh{level}".encode(): "bz2" for level in range(1, 10)},
    b"\x7fELF": "program",
}
_RIFF_KINDS = {b"WEBP": "webp", b"WAVE": "sound", b"AVI ": "video"}
_BMP_RESERVED = slice(6, 10)
"""Four zero bytes; “BM” alone begins many a text."""
PICTURES = {"png", "jpg", "gif", "tiff", "webp", "bmp"}
_ZIP_PARTS = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx", "ppt/presentation.xml": "pptx"}
_MIME_TYPES = {
    f"application/vnd.oasis.opendocument.{name}".encode(): suffix
    for name, suffix in {"text": "odt", "spreadsheet": "ods", "presentation": "odp"}.items()
} | {b"application/epub+zip": "epub"}
_MAX_MIME_TYPE = 100
_OLE_STREAMS = {
    "EncryptedPackage": "encrypted", "WordDocument": "doc", "Workbook": "xls", "Book": "xls", "PowerPoint Document": "ppt",
    "__properties_version1.0": "msg",
}  # fmt: skip
CONTAINERS = {
    "docx": "zip", "xlsx": "zip", "pptx": "zip", "odt": "zip", "ods": "zip", "odp": "zip", "epub": "zip", "zip": "zip",
    "doc": "ole", "xls": "ole", "msg": "ole",
}  # fmt: skip
"""What holds files of these kinds. One that is damaged, or made in an unusual way, may show no more than that."""


def kind(raw: bytes) -> str | None:
    """A suffix, "zip" or "ole" for other containers, "encrypted", "program"; None where nothing is known, as of text."""
    found = next((kind for magic, kind in _MAGIC.items() if raw.startswith(magic)), None)
    if found == "zip":
        return _in_zip(raw)
    if raw.startswith(b"RIFF"):
        return _RIFF_KINDS.get(raw[8:12])
    if raw.startswith(b"BM") and raw[_BMP_RESERVED] == bytes(4):
        return "bmp"
    return _in_ole(raw) if found == "ole" else found


def _in_zip(raw: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = set(archive.namelist())
            found = next((suffix for part, suffix in _ZIP_PARTS.items() if part in names), "zip")
            if "mimetype" in names:
                with archive.open("mimetype") as part:
                    found = _MIME_TYPES.get(part.read(_MAX_MIME_TYPE).strip(), found)
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, LookupError, ValueError, RuntimeError):
        return "zip"  # damaged: the format says so better


def _in_ole(raw: bytes) -> str:
    try:
        with OleFileIO(io.BytesIO(raw)) as streams:
            return next((suffix for name, suffix in _OLE_STREAMS.items() if streams.exists(name)), "ole")
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError):
        return "ole"

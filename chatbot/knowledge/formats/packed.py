"""One file packed by gzip or bzip2: read by the format of the name inside, or of what its first bytes look like."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.member import Members
from chatbot.knowledge.formats.zip import MAX_RATIO, SMALL

_NAMED = 0x08
_EXTRA = 0x04
_HEADER = 10
_MAX_NAME = 1_000
_TAR = slice(257, 262)
_STARTS = {
    b"%PDF-": "pdf",
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"<!doctype html": "html",
    b"<html": "html",
    b"<?xml": "xml",
}
_DAMAGE = (EOFError, OSError, ValueError, zlib.error)


def extract_gzip(raw: bytes) -> Extracted:
    """Read a file that gzip packed.

    Raises:
        DocumentRefused: damaged, too large, or of a type that is not read.
    """
    return _extract(gzip.GzipFile(fileobj=io.BytesIO(raw)), len(raw), _gzip_name(raw))


def extract_bzip2(raw: bytes) -> Extracted:
    """Read a file that bzip2 packed.

    Raises:
        DocumentRefused: damaged, too large, or of a type that is not read.
    """
    return _extract(bz2.BZ2File(io.BytesIO(raw)), len(raw), "")


def _extract(stream: gzip.GzipFile | bz2.BZ2File, packed: int, name: str) -> Extracted:
    start = _read(stream, 512)
    if not start:
        raise DocumentRefused("the file inside is empty")
    if start[_TAR] == b"ustar":
        raise DocumentRefused("there is a tar archive inside, which is not read; pack its files as .zip")
    members = Members(TextBuilder(), level=1)
    members.add(name or _guessed(start), lambda limit: _unpack(stream, start, packed, limit))
    return members.build()


def _unpack(stream: gzip.GzipFile | bz2.BZ2File, start: bytes, packed: int, limit: int) -> bytes:
    densest = max(SMALL, packed * MAX_RATIO)
    raw = start + _read(stream, max(0, min(limit, densest) + 1 - len(start)))
    if len(raw) > densest:
        raise DocumentRefused(f"it unpacks to more than {MAX_RATIO} times its size")
    return raw


def _read(stream: gzip.GzipFile | bz2.BZ2File, size: int) -> bytes:
    try:
        return stream.read(size)
    except _DAMAGE as error:
        raise DocumentRefused(f"damaged: {error}") from error


def _gzip_name(raw: bytes) -> str:
    """The name that stands in the header; empty without one."""
    flags, start = raw[3:4], _HEADER
    if not flags or not flags[0] & _NAMED:
        return ""
    if flags[0] & _EXTRA:
        start += 2 + int.from_bytes(raw[start : start + 2], "little")
    name, end, _ = raw[start : start + _MAX_NAME].partition(b"\x00")
    return name.decode("latin-1").rsplit("/", 1)[-1] if end else ""


def _guessed(start: bytes) -> str:
    lowered = start.lstrip().lower()
    suffix = next((suffix for magic, suffix in _STARTS.items() if lowered.startswith(magic.lower())), "txt")
    return f"content.{suffix}"

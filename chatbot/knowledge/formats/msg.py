"""Outlook messages (MSG), by olefile: properties are streams named by their number, attachments are storages."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, timedelta

import olefile

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.mail import Attachment, build, html_body, text_body
from chatbot.knowledge.formats.plain import decode

# Source: [MS-OXPROPS] for the numbers of properties, [MS-OXMSG] for where they are stored.
_SUBJECT, _FROM_NAME, _FROM_ADDRESS, _FROM_SMTP = "0037", "0C1A", "0C1F", "5D01"
_TO, _CC = "0E04", "0E03"
_BODY, _HTML, _RTF = "1000", "1013", "1009"
_LONG_NAME, _SHORT_NAME, _DATA = "3707", "3704", "3701"
_SENT, _RECEIVED, _CODE_PAGE = 0x0039, 0x0E06, 0x3FFD
_UNICODE, _BYTES, _BINARY, _STORAGE = "001F", "001E", "0102", "000D"
_PROPERTIES = "__properties_version1.0"
_ENTRY = struct.Struct("<HHI8s")
_TABLE, _TABLE_START = struct.Struct("<H12xI"), 30
_SECTOR_BITS = (9, 12)
_OWN_HEADER, _NESTED_HEADER = 32, 24
"""How many bytes stand before the properties of the file's own message, and of one inside it."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_LAST_TICK = 2_650_467_744_000_000_000
"""The year 9999, in steps of 100 ns."""
_MAX_PROPERTIES = 2**20
_MAX_ATTACHMENTS = 500
_MAX_PLACES = 10_000
_MAX_NESTED = 3
_MAX_STREAM = 32 * 2**20
_DAMAGE = (OSError, struct.error, LookupError, ValueError, TypeError, AttributeError, RecursionError, OverflowError)
"""What olefile raises on files that are broken."""


def extract(raw: bytes) -> Extracted:
    """Read a message.

    Raises:
        DocumentRefused: damaged, or another kind of Office file under this name.
    """
    try:
        _check_table(raw)
        with olefile.OleFileIO(io.BytesIO(raw)) as file:
            if not file.exists(_PROPERTIES):
                raise DocumentRefused("no Outlook message: its properties are missing")
            places = [tuple(path) for path in file.listdir(streams=True, storages=True)]
            if len(places) > _MAX_PLACES:
                raise DocumentRefused(f"has more than {_MAX_PLACES:,} properties; split the message")
            return _Message(file, places, ()).read()
    except _DAMAGE as error:
        raise DocumentRefused(f"damaged Outlook message: {error}") from error


_Place = tuple[str, ...]
"""The names of the storages around a stream, from the outermost on."""


class _Message:
    """One message: the file's own, or one that hangs on it and lies in a storage below."""

    def __init__(self, file: olefile.OleFileIO[str], places: list[_Place], place: _Place) -> None:
        self._file = file
        self._places = places
        self._place = place
        self._numbers = self._properties(_NESTED_HEADER if place else _OWN_HEADER)
        code_page = int.from_bytes(self._numbers.get(_CODE_PAGE, b"")[:4], "little")
        self._encoding = f"cp{code_page}" if code_page else ""

    def read(self) -> Extracted:
        bodies, missing = self._bodies()
        attachments: list[Attachment] = []
        for storage in self._storages():
            nested = (*storage, f"__substg1.0_{_DATA}{_STORAGE}")
            if self._file.exists([*nested, _PROPERTIES]) and len(self._place) < _MAX_NESTED * 2:
                document = _Message(self._file, self._places, nested).read()
                bodies.append(document)
                missing = "; ".join(filter(None, [missing, document.missing]))
            else:
                attachments.append(self._attachment(storage, len(attachments) + 1))
        return build(self._headers(), bodies, attachments, missing)

    def _headers(self) -> dict[str, str]:
        address = self._text(_FROM_SMTP) or self._text(_FROM_ADDRESS)
        name = self._text(_FROM_NAME)
        is_address = "@" in address and address != name  # Exchange's own addresses are paths that nobody reads
        return {
            "From": f"{name} <{address}>".strip() if is_address else name or address,
            "To": self._text(_TO),
            "Cc": self._text(_CC),
            "Date": self._date(),
            "Subject": self._text(_SUBJECT),
        }

    def _bodies(self) -> tuple[list[Extracted], str]:
        """The plain body before the HTML one, and what could not be read."""
        if plain := self._text(_BODY):
            return [text_body(plain)], ""
        markup = self._stream(f"{_HTML}{_BINARY}")
        text = decode(markup, self._encoding) if markup else self._text(_HTML)
        if text:
            return [html_body(text)], ""
        return [], "its body, which stands only in compressed RTF" if self._exists(f"{_RTF}{_BINARY}") else ""

    def _storages(self) -> list[tuple[str, ...]]:
        """Where the attachments lie, in order."""
        start = len(self._place)
        found = {
            path[: start + 1]
            for path in self._places
            if path[:start] == self._place and len(path) > start and path[start].startswith("__attach_version1.0_")
        }
        if len(found) > _MAX_ATTACHMENTS:
            raise DocumentRefused(f"has more than {_MAX_ATTACHMENTS:,} attachments")
        return sorted(found)

    def _attachment(self, storage: tuple[str, ...], number: int) -> Attachment:
        name = self._text(_LONG_NAME, storage) or self._text(_SHORT_NAME, storage) or f"attachment {number}"
        stream = f"{_DATA}{_BINARY}"
        return Attachment(
            name=name.replace("\\", "/").rpartition("/")[2], content=lambda limit: self._stream(stream, storage, limit)
        )

    def _text(self, number: str, place: tuple[str, ...] | None = None) -> str:
        if wide := self._stream(f"{number}{_UNICODE}", place):
            return wide.decode("utf-16-le", errors="replace").rstrip("\x00").replace("\r\n", "\n").strip()
        narrow = self._stream(f"{number}{_BYTES}", place).rstrip(b"\x00")
        return decode(narrow, self._encoding).strip() if narrow else ""

    def _date(self) -> str:
        """When it was sent, or else received; empty where it says neither, as a draft."""
        for number in (_SENT, _RECEIVED):
            ticks = int.from_bytes(self._numbers.get(number, b""), "little")
            if 0 < ticks < _LAST_TICK:
                return f"{_EPOCH + timedelta(microseconds=ticks // 10):%a, %d %b %Y %H:%M:%S} +0000"
        return ""

    def _properties(self, header: int) -> dict[int, bytes]:
        """Values of eight bytes, by their number."""
        try:
            raw = self._file.openstream([*self._place, _PROPERTIES]).read(_MAX_PROPERTIES)
        except _DAMAGE:
            return {}
        whole = len(raw) - (len(raw) - header) % _ENTRY.size
        return {number: value for _kind, number, _flags, value in _ENTRY.iter_unpack(raw[header:whole])}

    def _stream(self, number: str, place: tuple[str, ...] | None = None, limit: int = _MAX_STREAM) -> bytes:
        """Empty where there is none; at most `limit` bytes and one more."""
        path = [*(self._place if place is None else place), f"__substg1.0_{number}"]
        if not self._file.exists(path):
            return b""
        try:
            return self._file.openstream(path).read(limit + 1)
        except _DAMAGE as error:
            raise DocumentRefused(f"damaged Outlook message: {error}") from error

    def _exists(self, number: str) -> bool:
        return bool(self._file.exists([*self._place, f"__substg1.0_{number}"]))


def _check_table(raw: bytes) -> None:
    """Refuse a table of sectors that is larger than the file: olefile would fill the memory with it."""
    sector_bits, table_sectors = _TABLE.unpack_from(raw, _TABLE_START)
    if sector_bits not in _SECTOR_BITS or table_sectors > len(raw) >> sector_bits:
        raise DocumentRefused("damaged Outlook message: its table of sectors is larger than the file")

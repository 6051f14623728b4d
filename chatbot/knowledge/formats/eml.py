"""Mail as it travels (EML), by the standard library: the plain body before the HTML one, attachments by their own formats."""

from __future__ import annotations

import codecs
import email
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from itertools import islice

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.mail import Attachment, build, html_body, text_body
from chatbot.knowledge.formats.plain import decode

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_KNOWN = {*_SHOWN, "Received", "Message-ID", "MIME-Version", "Return-Path", "Reply-To", "Delivered-To", "Sender", "Bcc"}
_MAX_PARTS = 1_000
_MAX_DEPTH = 20
_MAX_BOUNDARIES = 50
_BOUNDARY = re.compile(rb"boundary\s*=\s*\"?([^\"\s;]{1,70})", re.IGNORECASE)
_HEAD_END = re.compile(rb"\n\r?\n")
_MAX_HEAD = 2**20
"""Each header takes fifty times its size of memory."""
_MAX_COMPARED = 20_000_000
"""Lines times boundaries: the library compares each line with the boundary of every part around it."""
_OFFICE = "application/vnd.openxmlformats-officedocument."
_SUFFIXES = {
    "text/plain": ".txt", "text/html": ".html", "text/csv": ".csv", "text/markdown": ".md", "text/xml": ".xml",
    "application/xml": ".xml", "application/json": ".json", "application/pdf": ".pdf", "application/rtf": ".rtf",
    "text/rtf": ".rtf", "application/msword": ".doc", "application/vnd.ms-excel": ".xls", "application/zip": ".zip",
    "application/epub+zip": ".epub", "application/vnd.ms-outlook": ".msg", "image/png": ".png", "image/jpeg": ".jpg",
    "image/tiff": ".tiff", "image/gif": ".gif", "image/bmp": ".bmp", "image/webp": ".webp",
    f"{_OFFICE}wordprocessingml.document": ".docx", f"{_OFFICE}spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}presentationml.presentation": ".pptx",
}  # fmt: skip
"""Of parts without a name. The interpreter's own table is another one on every machine."""
_SPACE = re.compile(r"\s+")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BROKEN = (HeaderParseError, LookupError, ValueError, TypeError, AttributeError)
"""What the library raises on headers that make no sense."""


def extract(raw: bytes) -> Extracted:
    """Read a message.

    Raises:
        DocumentRefused: no message, or of more than 1,000 parts.
    """
    wide = raw.startswith(_WIDE)
    head = _HEAD_END.search(raw)
    if (head.start() if head else 0) > _MAX_HEAD:
        raise DocumentRefused(f"has more than {_MAX_HEAD // 2**20} MiB of headers")
    if raw.count(b"\n") * (raw.lower().count(b"boundary=") + 1) > _MAX_COMPARED:
        raise DocumentRefused("has too many parts for its length; save its attachments apart")
    if _parts(raw) > _MAX_PARTS:
        raise DocumentRefused(f"has more than {_MAX_PARTS:,} parts; save its attachments apart")
    try:
        message = email.message_from_bytes(decode(raw).encode() if wide else raw.lstrip(b"\xef\xbb\xbf\r\n"))
    except (*_BROKEN, RecursionError) as error:
        raise DocumentRefused(f"damaged mail: {error}") from error
    if not any(name in message for name in _KNOWN):
        raise DocumentRefused("no mail: it has none of the headers From, To, Date, Subject")
    parts = _Parts(wide)
    parts.read(message, 0)
    headers = {name: _header(message, name) for name in _SHOWN}
    return build(headers, parts.bodies, parts.attachments, "; ".join(parts.missing))


def _parts(raw: bytes) -> int:
    """How many parts it has at most, counted before each becomes an object."""
    boundaries = {match[1] for match in islice(_BOUNDARY.finditer(raw), _MAX_PARTS)}
    return max((raw.count(b"\n--" + boundary) for boundary in islice(boundaries, _MAX_BOUNDARIES)), default=0)


class _Parts:
    """The parts of a message, told apart into what is read as its text and what hangs on it."""

    def __init__(self, wide: bool) -> None:
        self.bodies: list[Extracted] = []
        self.attachments: list[Attachment] = []
        self.missing: list[str] = []
        self._charset = "utf-8" if wide else ""
        """What the whole file was turned into, whatever its parts say that they were."""
        self._count = 0

    def read(self, part: Message, depth: int) -> None:
        self._count += 1
        if self._count > _MAX_PARTS or depth > _MAX_DEPTH:
            raise DocumentRefused(f"has more than {_MAX_PARTS:,} parts, or {_MAX_DEPTH} inside one another")
        kind = part.get_content_type()
        if kind == "multipart/alternative":
            self._alternative(part, depth)
        elif kind == "message/rfc822" or _is_attached(part):
            self._attach(part)
        elif part.is_multipart():
            for child in _children(part):
                self.read(child, depth + 1)
        elif kind in {"text/plain", "text/html"}:
            self._body(part, kind)
        else:
            self._attach(part)

    def _alternative(self, part: Message, depth: int) -> None:
        """The first of plain text, HTML and anything else that says something."""
        children = list(_children(part))
        plain = [child for child in children if child.get_content_type() == "text/plain" and self._text(child).strip()]
        rich = [child for child in children if child.get_content_type() != "text/plain"]
        for child in plain[:1] or rich[-1:]:
            self.read(child, depth + 1)
        for child in children:
            if _is_attached(child) and child not in (plain[:1] or rich[-1:]):
                self._attach(child)

    def _body(self, part: Message, kind: str) -> None:
        try:
            text = self._text(part)
            self.bodies.append(html_body(text) if kind == "text/html" else text_body(text))
        except DocumentRefused as error:
            self.missing.append(f"a part of its text ({error})")

    def _text(self, part: Message) -> str:
        payload = _payload(part)
        return decode(payload, self._charset or _charset(part)) if payload.strip() else ""

    def _attach(self, part: Message) -> None:
        self.attachments.append(
            Attachment(name=_name(part, len(self.attachments) + 1), content=lambda limit: _content(part, limit))
        )


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (child for child in payload if isinstance(child, Message))


def _is_attached(part: Message) -> bool:
    return not part.is_multipart() and (_disposition(part) == "attachment" or bool(_filename(part)))


def _disposition(part: Message) -> str:
    try:
        return part.get_content_disposition() or ""
    except _BROKEN:
        return ""


def _content(part: Message, limit: int) -> bytes:
    if part.get_content_type() == "message/rfc822":
        return b"".join(child.as_bytes() for child in _children(part))[: limit + 1]
    return _payload(part)[: limit + 1]


def _payload(part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except _BROKEN as error:
        raise DocumentRefused(f"damaged: {error}") from error
    return payload if isinstance(payload, bytes) else b""


def _charset(part: Message) -> str:
    try:
        return part.get_content_charset() or ""
    except _BROKEN:
        return ""


def _filename(part: Message) -> str:
    try:
        return _decoded(part.get_filename() or "")
    except _BROKEN:
        return ""


def _name(part: Message, number: int) -> str:
    """The name without its folders, or one that says of which type the part is."""
    name = _filename(part).replace("\\", "/").rpartition("/")[2]
    kind = part.get_content_type()
    if kind == "message/rfc822":
        return name if name.endswith(".eml") else f"{name or f'message {number}'}.eml"
    return name or f"part {number}{_SUFFIXES.get(kind, '')}"


def _header(message: Message, name: str) -> str:
    return _decoded(str(message.get(name) or ""))


def _decoded(value: str) -> str:
    """Encoded words read; a value that breaks their rules is shown as it is written."""
    try:
        pieces = decode_header(value)
        words = [decode(piece, charset or "") if isinstance(piece, bytes) else piece for piece, charset in pieces]
    except (*_BROKEN, DocumentRefused):
        words = [value]
    return _SPACE.sub(" ", "".join(words) or value).strip()

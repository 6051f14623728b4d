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
_HEADERS = {0: 32, 1: 24}
"""How many bytes stand before the properties of a message, and of one inside another."""
_MAX_ENTRIES = 1_000
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
        with olefile.OleFileIO(io.BytesIO(raw)) as file:
            if not file.exists(_PROPERTIES):
                raise DocumentRefused("no Outlook message: its properties are missing")
            return _Message(file, (), 0).read()
    except _DAMAGE as error:
        raise DocumentRefused(f"damaged Outlook message: {error}") from error

"""Brings a page's text into UTF-8 where only its web server says how it is encoded, which no format is told."""

from __future__ import annotations

import codecs
from email.message import Message

_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
"""What browsers read under these names. Source: https://encoding.spec.whatwg.org/#names-and-labels"""
_READ = {
    *_SUPERSETS.values(),
    *(f"cp125{page}" for page in range(9)),
    *(f"iso8859-{part}" for part in range(2, 17)),
    *("cp866", "euc_jp", "iso2022_jp", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "utf-16", "utf-16-le", "utf-16-be"),
}
"""Others are no encodings of pages, and some of Python's are slow without bound."""
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def utf8(content: bytes, content_type: str) -> bytes:
    """The text in UTF-8 with a byte order mark, or as it is: where it has a mark, is UTF-8, or does not fit what was said."""
    if content.startswith(_MARKS) or (encoding := _encoding(content_type)) not in _READ:
        return content
    if 0 not in content and 27 not in content and _is_utf8(content):
        # servers are set to Latin-1 by default, and nothing else looks like UTF-8 by chance, but for UTF-16 and ISO 2022
        return content
    if encoding.startswith("utf-16") and 0 not in content:
        return content  # any bytes would fit
    try:
        return codecs.BOM_UTF8 + content.decode(encoding).encode()
    except UnicodeError:
        return content


def _encoding(content_type: str) -> str:
    """Python's name for the charset of a text type; empty where there is none."""
    header = Message()
    header["Content-Type"] = content_type.replace("\n", " ").replace("\r", " ")
    kind, charset = header.get_content_type(), header.get_content_charset("")
    if kind in ("text/xml", "text/xml-external-parsed-entity") or not (
        kind.startswith("text/") or kind == "application/xhtml+xml"
    ):
        return ""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return ""
    return _SUPERSETS.get(name, name)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True

"""Reads one sitemap file. It fetches nothing, and whoever wrote the file gets no entity, no DTD and no endless list.

Source: https://www.sitemaps.org/protocol.html
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.parsers import expat

from chatbot.errors import DocumentRefused
from chatbot.knowledge.fetching import bodies

MAX_URLS = 50_000
_MAX_CHARS = 8000
_MAX_DEPTH = 20
_PARENTS = {"url", "sitemap"}
_GZIP_MAGIC = b"\x1f\x8b"
_HEAD = 8192
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<[?!](?:[^>])*>\s*)*<(?:[\w.-]{1,50}:)?(?:urlset|sitemapindex)[\s>/]")
"""What comes before is declarations and comments."""


class SitemapFile(NamedTuple):
    """What one file lists, as it is written there and in its order."""

    pages: list[str]
    sitemaps: list[str]
    """Of a sitemap index."""


def is_one(content: bytes, most: int) -> bool:
    """True for a sitemap or an index, whether or not all of it can be read."""
    xml = bodies.unpacked([content], most) if content.startswith(_GZIP_MAGIC) else content
    return bool(_ROOT.match(xml[:_HEAD].lstrip()))


def read(content: bytes, most: int) -> SitemapFile:
    """Read a sitemap or a sitemap index, gzip'd or not; `most` bounds its bytes unpacked.

    Raises:
        DocumentRefused: it is no sitemap, or larger than allowed.
        FetchFailed: the gzip is damaged or cut off.
    """
    xml = bodies.unpacked([content], most) if content.startswith(_GZIP_MAGIC) else content
    return _Reader().read(xml)


class _Reader:
    """The three events of expat that matter; names come without their namespace."""

    def __init__(self) -> None:
        self._found = SitemapFile([], [])
        self._open: list[str] = []
        self._text = ""

    def read(self, xml: bytes) -> SitemapFile:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(xml, True)
        except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two: an encoding that expat does not read
            raise DocumentRefused(f"this is no sitemap: {error}; give the address of an XML sitemap") from error
        return self._found

    def _doctype(self, *_: object) -> None:
        # a DTD is where entities are declared; the protocol has none
        raise DocumentRefused("this sitemap has a document type declaration, which could hide entities; remove it")

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._open.append(name.rpartition(" ")[2])
        if len(self._open) == 1 and self._open[0] not in {"urlset", "sitemapindex"}:
            raise DocumentRefused(f"this is no sitemap: it begins with <{self._open[0]}>; give the address of an XML sitemap")
        if len(self._open) > _MAX_DEPTH:
            raise DocumentRefused(f"this is no sitemap: its elements lie more than {_MAX_DEPTH} deep")
        self._text = ""

    def _characters(self, text: str) -> None:
        if self._open[-1] == "loc" and len(self._text) <= _MAX_CHARS:
            self._text += text

    def _end(self, _: str) -> None:
        parent = self._open[-2] if len(self._open) > 1 else ""
        # deeper ones are of pictures and videos
        if self._open.pop() != "loc" or len(self._open) != 2 or parent not in _PARENTS:
            return
        listed = self._found.pages if parent == "url" else self._found.sitemaps
        listed.append(self._text.strip())
        if len(listed) > MAX_URLS:
            raise DocumentRefused(f"this sitemap lists more than {MAX_URLS:,} URLs; split it and give its parts")

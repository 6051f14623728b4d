"""Books (EPUB): chapters in the order of the spine, under the names that the book's own table of contents gives them."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import epub_contents
from chatbot.knowledge.formats.epub_contents import Entry, Package
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.html import from_markup
from chatbot.knowledge.formats.plain import decode
from chatbot.knowledge.formats.zip import DAMAGE, unpack

_MAX_FILES = 10_000
_MAX_CHAPTERS = 2_000
_MAX_MARKUP = 16 * 2**20
"""Of all chapters together: some thousand pages, read in half a minute."""
_MAX_NAMED = 20
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_DECLARED = re.compile(rb"<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]+)")
_CLOSED_AT_ONCE = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b)([a-zA-Z][\w:]*)(\s[^<>]*)?/>"
)
"""An empty element in the way of XML; HTML takes it for opened, and a title for all that follows."""


def extract(raw: bytes) -> Extracted:
    """Read a book.

    Raises:
        DocumentRefused: damaged, encrypted, or of more than could be read in some seconds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _Book(archive).read()
    except DAMAGE as error:
        raise DocumentRefused(f"damaged book: {error}") from error


class _Book:
    """One book's archive, and what may still be unpacked from it."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = _MAX_MARKUP
        self._files = {entry.filename: entry for entry in archive.infolist()}
        if len(self._files) > _MAX_FILES:
            raise DocumentRefused(f"holds more than {_MAX_FILES:,} files")

    def read(self) -> Extracted:
        path = epub_contents.package_path(self._part(_CONTAINER))
        package = Package(self._part(path), path)
        chapters = package.chapters()
        if len(chapters) > _MAX_CHAPTERS:
            raise DocumentRefused(f"has more than {_MAX_CHAPTERS:,} chapters; split the book")
        names = self._names(package)
        locked = epub_contents.encrypted(self._part(_ENCRYPTION)) if _ENCRYPTION in self._files else set[str]()
        builder = TextBuilder()
        unread: list[str] = []
        for chapter in chapters:
            try:
                _write(builder, self._chapter(chapter, locked), names.get(chapter))
            except DocumentRefused as error:
                unread.append(f"{posixpath.basename(chapter)} ({error})")
        if len(unread) == len(chapters):
            raise DocumentRefused(_named(unread) or "there is no chapter in it")
        book = builder.build(missing=_named(unread))
        return book.model_copy(update={"title": package.title or book.title})

    def _chapter(self, path: str, locked: set[str]) -> Extracted:
        if path in locked:
            raise DocumentRefused("it is encrypted")
        raw = self._part(path)
        declared = _DECLARED.search(raw[:200])
        markup = decode(raw, declared[1].decode("ascii") if declared else "")
        return from_markup(_CLOSED_AT_ONCE.sub(r"<\1\2></\1>", markup))

    def _names(self, package: Package) -> dict[str, Entry]:
        """For each part the first line of the contents that points into it; a book can be read without its contents."""
        for path in package.contents:
            try:
                entries = epub_contents.entries(self._part(path), path)
            except DocumentRefused:
                continue
            if entries:
                return {entry.path: entry for entry in reversed(entries)}
        return {}

    def _part(self, path: str) -> bytes:
        if path not in self._files:
            raise DocumentRefused(f"damaged book: it has no part {path[:100]!r}")
        raw = unpack(self._archive, self._files[path], self._left)
        self._left -= len(raw)
        if self._left < 0:
            raise DocumentRefused(f"unpacks to more than {_MAX_MARKUP // 2**20} MiB of markup; split the book")
        return raw


def _write(builder: TextBuilder, chapter: Extracted, name: Entry | None) -> None:
    """A chapter with its headings where the contents put it; its name is added where its own first heading is another."""
    if not chapter.text.strip():
        return
    highest = min((heading.level for heading in chapter.headings), default=1)
    if name is None:
        builder.include(chapter, 0)
        return
    if chapter.headings and _same(chapter.headings[0].text, name.title):
        builder.include(chapter, name.level - chapter.headings[0].level)
        return
    builder.heading(name.level, name.title)
    builder.include(chapter, name.level + 1 - highest)


def _same(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()


def _named(unread: list[str]) -> str:
    more = f"; and {len(unread) - _MAX_NAMED:,} more" if len(unread) > _MAX_NAMED else ""
    return f"not read: {'; '.join(unread[:_MAX_NAMED])}{more}" if unread else ""

"""What splitting needs of a document besides its title and text: kept, so that it can be split anew without its source."""

from __future__ import annotations

from typing import Self

from chatbot.knowledge.formats.extracted import Extracted, Heading
from chatbot.schema import Value

READING = "6"
"""Raised whenever the same file would be read differently: documents are then read anew from their sources."""


class Outline(Value):
    """A document's headings and pages, and by which `READING` they were found."""

    reading: str
    headings: tuple[Heading, ...]
    page_starts: tuple[int, ...]

    @classmethod
    def of(cls, read: Extracted) -> Self:
        """Of a document that was read just now."""
        return cls(reading=READING, headings=read.headings, page_starts=read.page_starts)

    def extracted(self, title: str, text: str, missing: str) -> Extracted:
        """The document as it was read."""
        return Extracted(title=title, text=text, headings=self.headings, page_starts=self.page_starts, missing=missing)

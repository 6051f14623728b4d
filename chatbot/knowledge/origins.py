"""Where a document's bytes come from. An origin says how they are had, and knows nothing of formats or of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from chatbot.knowledge import reader


class Content(NamedTuple):
    """What an origin holds now."""

    name: str
    """Its suffix names the format; a title is made of the rest where the document has none."""
    raw: bytes
    mark: str = ""
    """By which the origin will know the same bytes again without giving them; "" where it cannot."""


class Unchanged(NamedTuple):
    """The bytes are those of the mark that was shown; nothing was read."""


class Origin(Protocol):
    """One document's place."""

    def load(self, mark: str) -> Content | Unchanged:
        """The bytes, or only word that they are those that came with `mark`; "" always gives the bytes.

        Raises:
            DocumentRefused: they may not be read, or are not worth it; what is known of the document goes.
            FetchFailed: there is no answer now; what is known stays.
            OSError: the same.
        """
        ...


@dataclass(frozen=True)
class FileOrigin:
    """A file of this machine."""

    name: str
    file: Path

    def load(self, mark: str) -> Content | Unchanged:
        return Content(self.name, reader.load(self.name, self.file))

"""Where a document's bytes come from. An origin says how they are had, and knows nothing of formats or of the catalogue."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from chatbot.knowledge.formats import dates
from chatbot.knowledge.reading import reader

_SETTLED_NS = 2_000_000_000
"""The coarsest clock of a file system (FAT's) ticks every two seconds: within one tick two contents have the same times."""


class Content(NamedTuple):
    """What an origin holds now."""

    name: str
    """Its suffix names the format; a title is made of the rest where the document has none."""
    raw: bytes
    mark: str = ""
    """By which the origin will know the same bytes again without giving them; "" where it cannot."""
    date: str = ""
    """Day of their last change, YYYY-MM-DD; empty where the origin does not know."""


class Unchanged(NamedTuple):
    """The bytes are those of the mark that was shown; nothing was read."""


class Origin(Protocol):
    """One document's place."""

    def size(self) -> int:
        """Bytes, as far as can be said without reading; 0 where it cannot."""
        ...

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

    def size(self) -> int:
        try:
            size = self.file.stat().st_size
        except OSError:
            return 0
        return size if size <= reader.MAX_BYTES else 0  # what is refused costs nothing

    def load(self, mark: str) -> Content | Unchanged:
        before = self.file.stat()
        if mark and mark == _mark(before):
            return Unchanged()
        raw = reader.load(self.name, self.file)
        after = self.file.stat()
        settled = time.time_ns() - max(after.st_mtime_ns, after.st_ctime_ns) > _SETTLED_NS
        mark = _mark(after) if settled and _mark(before) == _mark(after) else ""
        return Content(self.name, raw, mark, dates.of_clock(after.st_mtime))


def _mark(stat: os.stat_result) -> str:
    """The time of the last change of anything about the file cannot be set, so that none goes unseen.

    Windows has the time of creation in its place: there, a file of the same size and time of change passes for the same.
    """
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"

"""Reads what lies inside a container (an archive, a mail) by the registered formats, all of it within one budget."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextvars import ContextVar

from chatbot.errors import DocumentRefused, FormatFailed
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.reading import reader

_MAX_DEPTH = 3
_MAX_MEMBERS = 1_000
_MAX_BYTES = 64 * 2**20
_MAX_SECONDS = 30.0
_MAX_NAME = 120
_MAX_REASON = 300
_MAX_NAMED = 20
"""How many of those that were not read are named one by one."""
_NOT_READ = "not read: "
_UNSHOWN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
"""Of a name: line ends and what turns the direction of writing, with which one file can pose as another."""


class _Budget:
    """What the outermost container may still cost, with everything inside it."""

    def __init__(self) -> None:
        self.depth = 0
        self.members = _MAX_MEMBERS
        self.bytes = _MAX_BYTES
        self.deadline = time.monotonic() + _MAX_SECONDS

    def refusal(self) -> str:
        """Why no further member is read; empty if one may be."""
        if self.depth >= _MAX_DEPTH:
            return f"it lies more than {_MAX_DEPTH} containers deep"
        if self.members <= 0:
            return f"more than {_MAX_MEMBERS:,} files lie inside; split the archive"
        if time.monotonic() > self.deadline:
            return f"reading what came before it took more than {_MAX_SECONDS:.0f} seconds; split the archive"
        return ""


# A format is given bytes and nothing else, so what a nested archive may still cost cannot come to it as an argument.
_current: ContextVar[_Budget | None] = ContextVar("budget of the outermost container", default=None)


class Members:
    """The members of one container, each a section under its name; what was not read is named."""

    def __init__(self, builder: TextBuilder, level: int) -> None:
        self._builder = builder
        self._level = level
        self._budget = _current.get() or _Budget()
        self._missing: list[str] = []
        self._read = 0

    def add(self, name: str, content: Callable[[int], bytes]) -> None:
        """Read one member; `content` is given a limit and returns at most one byte more.

        A member that cannot be read, for whatever reason, is named among what is missing.
        """
        name = shown(name)
        try:
            document = self._document(name, content)
        except (DocumentRefused, FormatFailed) as error:
            self.skip(name, str(error).removeprefix(_NOT_READ))
            return
        self._read += 1
        self._builder.heading(self._level, name)
        self._builder.include(document, self._level)
        if document.missing:
            self.skip(name, document.missing)

    def skip(self, name: str, reason: str) -> None:
        """Name a member, or a part of one, that is not read."""
        self._missing.append(f"{shown(name)} ({reason[:_MAX_REASON]})")

    @property
    def missing(self) -> str:
        """Those that were not read and why, in words."""
        named = "; ".join(self._missing[:_MAX_NAMED])
        more = len(self._missing) - _MAX_NAMED
        if not named:
            return ""
        return f"{_NOT_READ}{named}" + (f"; and {more:,} more" if more > 0 else "")

    def build(self) -> Extracted:
        """The sections read; the container has no title of its own.

        Raises:
            DocumentRefused: none of its members could be read.
        """
        if not self._read:
            raise DocumentRefused(self.missing or "there is no file in it")
        return self._builder.build(missing=self.missing).model_copy(update={"title": ""})

    def _document(self, name: str, content: Callable[[int], bytes]) -> Extracted:
        budget = self._budget
        if refusal := budget.refusal():
            raise DocumentRefused(refusal)
        if not reader.supported(name):
            raise DocumentRefused("files of this type are not read")
        budget.members -= 1
        limit = min(reader.MAX_BYTES, budget.bytes)
        raw = content(limit)
        budget.bytes -= min(len(raw), limit)
        if len(raw) > limit:
            raise DocumentRefused(f"it unpacks to more than the {limit / 2**20:.0f} MiB that may still be read")
        budget.depth += 1
        outer = _current.set(budget)
        try:
            return reader.read(name, raw)
        finally:
            _current.reset(outer)
            budget.depth -= 1


def shown(name: str) -> str:
    """A member's name on one line, in the order it is written; a long one keeps its end, where the suffix is."""
    name = _UNSHOWN.sub(" ", name).strip() or "unnamed"
    return name if len(name) <= _MAX_NAME else f"…{name[-_MAX_NAME:]}"

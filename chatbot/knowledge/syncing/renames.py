"""Which new file is an old document under another name: its path is gone, and the same bytes lie at a path that is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.outline import READING
from chatbot.knowledge.store.tables import Version
from chatbot.knowledge.syncing.plan import Task

_Held = tuple[int, str, str, str, str]
"""What makes two documents one: the source, its collection, the bytes, how they were read, and the format that read them."""


class Renames:
    """The documents that a plan finds gone. Each can be claimed once, by the first new path with its bytes.

    Where the old path is still there it is a copy, and a document of its own.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._gone: dict[_Held, list[Task]] = defaultdict(list)
        self._claimed: set[tuple[int, str]] = set()
        for task in tasks:
            if task.old and task.is_removal:
                self._gone[self._held(task, task.old.collection, task.old.content_hash, task.old.reading)].append(task)

    def claim(self, task: Task, content_hash: str) -> Task | None:
        """The task of the path where the document of a new path was, if it was anywhere."""
        if task.old:
            return None
        found = self._gone.get(self._held(task, task.source.collection, content_hash, READING))
        if not found:
            return None
        claimed = found.pop(0)
        self._claimed.add((claimed.source.id, claimed.path))
        return claimed

    def has_claimed(self, task: Task) -> bool:
        """True for the path of a document that is somewhere else now."""
        return task.is_removal and (task.source.id, task.path) in self._claimed

    def _held(self, task: Task, collection: str, content_hash: str, reading: str) -> _Held:
        return (task.source.id, collection, content_hash, reading, reader.suffix_of(task.path))


def keeps_its_title(old: Version, was: str, now: str) -> bool:
    """False where the title was made of the old name: it stands in what is embedded, so the document is read anew."""
    return old.title != reader.title_of(was) or reader.title_of(was) == reader.title_of(now)

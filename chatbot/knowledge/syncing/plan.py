"""What a sync is to do: every document of the sources, every one that is there no more, without reading any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.listing import BUILT_IN, Listing
from chatbot.knowledge.sources.origins import Origin
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import Source, Version


class Task(NamedTuple):
    """One document's verdict before it is read."""

    source: Source
    path: str
    origin: Origin | None
    """None for what is gone, or may not be read."""
    old: Version | None
    begun: Version | None = None
    """What an earlier sync left on its way, or could not read."""
    fault: str = ""
    """Why nothing can be said of what lies here: what is known of it stays."""
    refusal: str = ""
    """Why it may not be read: what is known of it goes."""
    was: str = ""
    """The path that the document had until now."""

    @property
    def is_removal(self) -> bool:
        """True for what is there no more."""
        return not (self.origin or self.fault or self.refusal)


class Plan(NamedTuple):
    tasks: list[Task]
    """Each comes to a report."""
    stale: dict[Source, list[str]]
    """Paths that never were live and whose file is gone too."""


def plan(sources: Sequence[Source], catalogue: Catalogue, list_source: Callable[[Source], Listing]) -> Plan:
    """Where a folder is not there or cannot be read, one task says so and nothing in it is taken for gone."""
    made = Plan([], {})
    for source in dict.fromkeys(sources):
        (origins, unreadable, refused), known = list_source(source), catalogue.versions(source)
        begun = catalogue.unfinished(source)
        tasks = [Task(source, path or _name(source), None, None, fault=fault) for path, fault in unreadable.items()]
        tasks += [Task(source, path, origin, known.get(path)) for path, origin in origins.items()]
        tasks += [Task(source, path, None, known.get(path), refusal=reason) for path, reason in refused.items()]
        planned = {task.path for task in tasks}
        gone = {
            path for path in {**known, **begun} if path not in planned and not any(_lies_in(path, each) for each in unreadable)
        }
        tasks += [Task(source, path, None, version) for path, version in known.items() if path in gone]
        made.tasks.extend(task._replace(begun=begun.get(task.path)) for task in tasks)
        made.stale[source] = [path for path in begun if path in gone and path not in known]
    return made


def removal(sources: Sequence[Source], catalogue: Catalogue) -> Plan:
    """All documents of some sources go, whatever lies on the disk."""
    made = Plan([], {source: list(catalogue.unfinished(source)) for source in sources})
    for source in sources:
        made.tasks.extend(Task(source, path, None, old) for path, old in catalogue.versions(source).items())
    return made


def _name(source: Source) -> str:
    """What stands in the report for a source as a whole."""
    return collections.printable(source.location.removeprefix(BUILT_IN))


def _lies_in(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")

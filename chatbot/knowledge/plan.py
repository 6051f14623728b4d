"""What a sync is to do: every file of the sources, every document whose file is gone, without reading any."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from chatbot.knowledge import collections
from chatbot.knowledge.catalogue import Catalogue
from chatbot.knowledge.collections import Collection
from chatbot.knowledge.tables import Source, Version

BUILT_IN = "knowledge:"
"""Location of a collection found in the knowledge folders; any other location is a path."""


class Task(NamedTuple):
    """One file's verdict before it is read."""

    source: Source
    path: str
    file: Path | None
    old: Version | None
    begun: Version | None = None
    """What an earlier sync left on its way, or could not read."""
    fault: str = ""
    """Why nothing can be said of what lies here: what is known of it stays."""
    refusal: str = ""
    """Why it may not be read: what is known of it goes."""


class Plan(NamedTuple):
    tasks: list[Task]
    """Each comes to a report."""
    stale: dict[Source, list[str]]
    """Paths that never were live and whose file is gone too."""


class _Listing(NamedTuple):
    """The files of a source by their path in it."""

    files: Mapping[str, Path]
    unreadable: Mapping[str, str]
    """Folders whose files are not known, with the reason; "" is the source itself."""
    refused: Mapping[str, str] = {}
    """Files that may not be read, with the reason."""


def plan(sources: Sequence[Source], catalogue: Catalogue, built_in: Mapping[str, Collection]) -> Plan:
    """Where a folder is not there or cannot be read, one task says so and nothing in it is taken for gone."""
    made = Plan([], {})
    for source in dict.fromkeys(sources):
        (files, unreadable, refused), known = _list(source, built_in), catalogue.versions(source)
        begun = catalogue.unfinished(source)
        tasks = [Task(source, path or _name(source), None, None, fault=fault) for path, fault in unreadable.items()]
        tasks += [Task(source, path, file, known.get(path)) for path, file in files.items()]
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


def _list(source: Source, built_in: Mapping[str, Collection]) -> _Listing:
    if source.location.startswith(BUILT_IN):
        found = built_in.get(source.collection)
        return _Listing(found.files, found.unreadable, found.refused) if found else _Listing({}, {})
    root = Path(source.location)
    try:
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except OSError as error:
        return _Listing({}, {"": _absent(source, error.strerror or str(error))})
    if not is_folder:
        return _Listing({collections.printable(Path(root.name)): root}, {})
    tree = collections.walk(root)
    return _Listing(
        {_inside(root, path): path for path in tree.files if path.name != collections.QUESTIONS},
        {_inside(root, folder): reason for folder, reason in tree.unreadable.items()},
        {_inside(root, path): reason for path, reason in tree.refused.items()},
    )


def _name(source: Source) -> str:
    """What stands in the report for a source as a whole."""
    return collections.printable(Path(source.location.removeprefix(BUILT_IN)))


def _inside(root: Path, path: Path) -> str:
    return collections.printable(path.relative_to(root)) if path != root else ""


def _lies_in(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _absent(source: Source, reason: str) -> str:
    remove = shlex.join(["chatbot", "sync", "--remove", source.location])
    return f"it cannot be reached ({reason}), and its documents stay; mount or restore it, or remove it with `{remove}`"

"""Brings catalogue and indexes into step with files: what changed is read, what is gone is forgotten, the rest costs a hash."""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from chatbot.errors import DocumentRefused, FormatFailed, SettingsError
from chatbot.knowledge import collections, reader
from chatbot.knowledge.catalogue import Catalogue
from chatbot.knowledge.collections import Collection
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.generations import Indexes
from chatbot.knowledge.splitter import Splitter
from chatbot.knowledge.tables import Source, Version
from chatbot.schema import Document, DocumentReport, DocumentState

BUILT_IN = "knowledge:"
"""Location of a collection found in the knowledge folders; any other location is a path."""

_BATCH_CHUNKS = 256

Read = Callable[[str, bytes], Extracted]
"""As `reader.read`: in this process or, by `Sandbox.read`, in another one."""


class _Task(NamedTuple):
    """One file's verdict before it is read."""

    source: Source
    path: str
    file: Path | None
    old: Version | None
    fault: str = ""
    """Why nothing can be said of what lies here: what is known of it stays."""
    refusal: str = ""
    """Why it may not be read: what is known of it goes."""


class _Listing(NamedTuple):
    """The files of a source by their path in it."""

    files: Mapping[str, Path]
    unreadable: Mapping[str, str]
    """Folders whose files are not known, with the reason; "" is the source itself."""
    refused: Mapping[str, str] = {}
    """Files that may not be read, with the reason."""


class _Look(NamedTuple):
    """A file that is new or changed."""

    state: DocumentState
    content_hash: str
    extracted: Extracted


class _Parsed(NamedTuple):
    report: DocumentReport
    document_id: str


class Synchronizer:
    """Plans and carries out a sync. One at a time: the caller holds the lock."""

    def __init__(
        self,
        catalogue: Catalogue,
        indexes: Indexes,
        splitter: Splitter,
        built_in: Mapping[str, Collection],
        read: Read = reader.read,
    ) -> None:
        self._read = read
        self._catalogue = catalogue
        self._indexes = indexes
        self._splitter = splitter
        self._built_in = built_in
        self._recipe = splitter.recipe

    def find(self, path: Path, collection: str) -> Source:
        """The source that `register` would make, without making it; its id is 0 if there is none yet.

        Raises:
            SettingsError: there is nothing at `path`, and never was.
        """
        location = _location(path)
        known = [source for source in self._catalogue.sources() if source.location == location]
        if known:
            found = next((source for source in known if source.collection == collection), known[0])
            return found.model_copy(update={"collection": collection or found.collection})
        if not os.path.exists(location):
            raise SettingsError(f"there is no file or folder {location!r}; check the spelling")
        return Source(id=0, collection=collection or collections.LOOSE, location=location)

    def register(self, path: Path, collection: str) -> Source:
        """Make a folder or file a source of `collection`, moving it there if it is another one's; "" leaves it where it is.

        Raises:
            SettingsError: there is nothing at `path`, and never was.
        """
        wanted = self.find(path, collection)
        if not wanted.id:
            return self._catalogue.add_source(wanted.collection, wanted.location)
        return self._catalogue.move_source(wanted, wanted.collection)

    def find_all(self) -> list[Source]:
        """Every source, and those that `register_built_in` would make, without making them."""
        known = self._catalogue.sources()
        locations = {source.location for source in known}
        built_in = [Source(id=0, collection=name, location=f"{BUILT_IN}{name}") for name in self._built_in]
        return [*known, *(source for source in built_in if source.location not in locations)]

    def register_built_in(self) -> None:
        """Make every collection of the knowledge folders a source."""
        for name in self._built_in:
            self._catalogue.add_source(name, f"{BUILT_IN}{name}")

    def plan(self, sources: Sequence[Source]) -> list[_Task]:
        """List every file of the sources and every document whose file is gone, without reading any.

        Where a folder is not there or cannot be read, one task says so and nothing in it is taken for gone.
        """
        tasks: list[_Task] = []
        for source in dict.fromkeys(sources):
            (files, unreadable, refused), known = self._list(source), self._catalogue.versions(source)
            tasks += [_Task(source, path or _name(source), None, None, fault) for path, fault in unreadable.items()]
            tasks += [_Task(source, path, file, known.get(path)) for path, file in files.items()]
            tasks += [_Task(source, path, None, known.get(path), refusal=reason) for path, reason in refused.items()]
            listed = {*files, *refused}
            gone = [path for path in known if path not in listed and not any(_lies_in(path, each) for each in unreadable)]
            tasks += [_Task(source, path, None, known[path]) for path in gone]
        return tasks

    def forget(self, paths: Sequence[Path]) -> Iterator[DocumentReport]:
        """Remove sources with their documents; the files themselves stay.

        Raises:
            SettingsError: one of `paths` is no source; the message lists those there are. Nothing is removed then.
        """
        sources = [source for source in self._catalogue.sources() if not source.location.startswith(BUILT_IN)]
        locations = [_location(path) for path in paths]
        for location in locations:
            if location not in {source.location for source in sources}:
                there_are = ", ".join(source.location for source in sources) or "none"
                raise SettingsError(f"{location!r} is not registered; there are: {there_are}")
        sources = [source for source in sources if source.location in locations]
        yield from self.run(
            [_Task(source, path, None, old) for source in sources for path, old in self._catalogue.versions(source).items()]
        )
        for source in sources:
            self._catalogue.remove_source(source)

    def preview(self, tasks: Sequence[_Task]) -> Iterator[DocumentReport]:
        """Say what `run` would do, changing nothing."""
        for task in tasks:
            yield self._preview(task)

    def run(self, tasks: Sequence[_Task]) -> Iterator[DocumentReport]:
        """Carry out a plan; a report comes when its document is published (or needs nothing). Stopping anywhere loses nothing."""
        self._catalogue.discard_staged()
        waiting: list[_Parsed] = []
        for task in tasks:
            if task.file is None:
                gone = self._preview(task)
                yield gone if task.fault else self._remove(task, gone.state, gone.reason)
                continue
            outcome = self._stage(task, task.file)
            if isinstance(outcome, DocumentReport):
                yield outcome
                continue
            waiting.append(outcome)
            if sum(parsed.report.chunks for parsed in waiting) >= _BATCH_CHUNKS:
                yield from self._publish(waiting)
                waiting.clear()
        yield from self._publish(waiting)
        self._catalogue.sweep_embeddings(self._indexes.fingerprint)
        self._forget_empty_sources()

    def _list(self, source: Source) -> _Listing:
        if source.location.startswith(BUILT_IN):
            found = self._built_in.get(source.collection)
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

    def _preview(self, task: _Task) -> DocumentReport:
        if task.file is None:
            state: DocumentState = "failed" if task.fault else "refused" if task.refusal else "removed"
            return _report(task, state, task.fault or task.refusal)
        found = self._look(task, task.file)
        return found if isinstance(found, DocumentReport) else _report(task, found.state, found.extracted.missing)

    def _unchanged(self, task: _Task, content_hash: str) -> bool:
        wanted = (content_hash, self._recipe, task.source.collection)
        return task.old is not None and (task.old.content_hash, task.old.recipe, task.old.collection) == wanted

    def _remove(self, task: _Task, state: DocumentState = "removed", reason: str = "") -> DocumentReport:
        if task.old:
            self._indexes.delete(self._catalogue.remove([task.old.document_id]))
        return _report(task, state, reason)

    def _look(self, task: _Task, file: Path) -> DocumentReport | _Look:
        """What a file holds, or the report on it where there is nothing to do."""
        try:
            raw = reader.load(task.path, file)
            content_hash = _hash(raw)
            if task.old and self._unchanged(task, content_hash):
                return _report(task, "unchanged", task.old.missing, task.old.chunks)
            extracted = self._read(task.path, raw)
        except DocumentRefused as error:
            return _report(task, "refused", str(error))
        except FormatFailed as error:
            return _report(task, "failed", str(error))
        except OSError as error:
            return _report(task, "failed", f"cannot be read: {error.strerror}")
        state: DocumentState = "partly" if extracted.missing else "changed" if task.old else "added"
        return _Look(state, content_hash, extracted)

    def _stage(self, task: _Task, file: Path) -> DocumentReport | _Parsed:
        found = self._look(task, file)
        if isinstance(found, DocumentReport):
            # a file that can no longer be read must not go on answering with what it once said
            return self._remove(task, "refused", found.reason) if found.state == "refused" else found
        source, extracted = task.source, found.extracted
        document = Document(
            id=_hash("\0".join([str(source.id), source.collection, task.path, found.content_hash, self._recipe]).encode()),
            collection=source.collection,
            source=task.path,
            title=extracted.title,
            content_hash=found.content_hash,
        )
        chunks = self._splitter.split(document.id, extracted)
        self._catalogue.stage(source, document, extracted.text, extracted.missing, self._recipe, chunks)
        return _Parsed(_report(task, found.state, extracted.missing, len(chunks)), document.id)

    def _publish(self, parsed: Sequence[_Parsed]) -> Iterator[DocumentReport]:
        ids = [each.document_id for each in parsed]
        if not ids:
            return
        encoded = sum(self._indexes.add(rows) for rows in self._catalogue.rows_of_documents(ids))
        self._indexes.delete(self._catalogue.publish(ids))
        for number, each in enumerate(parsed):
            # encoding happens by the batch; its count stands on the batch's first report
            yield each.report.model_copy(update={"embedded_chunks": encoded if number == 0 else 0})

    def _forget_empty_sources(self) -> None:
        for source in self._catalogue.sources():
            if source.location.startswith(BUILT_IN) and source.collection not in self._built_in:
                self._catalogue.remove_source(source)


def _report(task: _Task, state: DocumentState, reason: str = "", chunks: int = 0) -> DocumentReport:
    return DocumentReport(source=task.path, collection=task.source.collection, state=state, reason=reason, chunks=chunks)


def _location(path: Path) -> str:
    return str(path.expanduser().resolve())


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


def _hash(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()

"""Brings catalogue and indexes into step with files: what changed is read, what is gone is forgotten, the rest costs a hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from chatbot.errors import DocumentRefused, FormatFailed, SettingsError
from chatbot.knowledge import collections, reader
from chatbot.knowledge.catalogue import Catalogue
from chatbot.knowledge.collections import Collection
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.generations import Indexes
from chatbot.knowledge.plan import BUILT_IN, Plan, Task, plan, removal
from chatbot.knowledge.splitter import Splitter
from chatbot.knowledge.tables import Source, Version
from chatbot.schema import Document, DocumentReport, DocumentState, StoredState

_BATCH_CHUNKS = 256

Read = Callable[[str, bytes], Extracted]
"""As `reader.read`: in this process or, by `Sandbox.read`, in another one."""

_T = TypeVar("_T")


class _Content(NamedTuple):
    """A file that is new or changed."""

    raw: bytes
    hash: str


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

    def plan(self, sources: Sequence[Source]) -> Plan:
        """See `plan.plan`."""
        return plan(sources, self._catalogue, self._built_in)

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
        yield from self.run(removal(sources, self._catalogue))
        for source in sources:
            self._catalogue.remove_source(source)

    def preview(self, plan: Plan) -> Iterator[DocumentReport]:
        """Say what `run` would do, changing nothing."""
        for task in plan.tasks:
            yield self._preview(task)

    def run(self, plan: Plan) -> Iterator[DocumentReport]:
        """Carry out a plan; a report comes when its document is live (or needs nothing). Stopping anywhere loses nothing."""
        self._begin(plan)
        waiting: list[_Parsed] = []
        for task in plan.tasks:
            outcome = self._stage(task, task.file) if task.file else self._settle(task, self._preview(task))
            if isinstance(outcome, DocumentReport):
                yield outcome
                continue
            waiting.append(outcome)
            if sum(parsed.report.chunks for parsed in waiting) >= _BATCH_CHUNKS:
                yield from self._publish(waiting)
                waiting.clear()
        yield from self._publish(waiting)
        self._catalogue.sweep_embeddings(self._indexes.fingerprints)
        self._forget_empty_sources()

    def _begin(self, plan: Plan) -> None:
        """Forget what nobody can finish any more, and note what is new: a killed sync leaves a trace of all it planned."""
        for source, paths in plan.stale.items():
            if paths:
                self._indexes.delete(self._catalogue.drop_unfinished(source, paths))
        new: dict[Source, list[str]] = {}
        for task in plan.tasks:
            if task.file and not task.old and not task.begun:
                new.setdefault(task.source, []).append(task.path)
        for source, paths in new.items():
            self._catalogue.record(source, paths, "pending")

    def _preview(self, task: Task) -> DocumentReport:
        if task.file is None:
            state: DocumentState = "failed" if task.fault else "refused" if task.refusal else "removed"
            return _report(task, state, task.fault or task.refusal)
        content = self._load(task, task.file)
        extracted = content if isinstance(content, DocumentReport) else self._extract(task, content)
        return extracted if isinstance(extracted, DocumentReport) else _new(task, extracted.missing)

    def _is_of(self, version: Version, task: Task, content_hash: str) -> bool:
        wanted = (content_hash, self._recipe, task.source.collection)
        return (version.content_hash, version.recipe, version.collection) == wanted

    def _extract(self, task: Task, content: _Content) -> Extracted | DocumentReport:
        return _tried(task, lambda: self._read(task.path, content.raw))

    def _load(self, task: Task, file: Path) -> DocumentReport | _Content:
        """What a file holds, or the report on it where there is nothing to do."""

        def load() -> DocumentReport | _Content:
            content = _Content(raw := reader.load(task.path, file), _hash(raw))
            if task.old and self._is_of(task.old, task, content.hash):
                return _report(task, "unchanged", task.old.missing, task.old.chunks)
            return content

        return _tried(task, load)

    def _stage(self, task: Task, file: Path) -> DocumentReport | _Parsed:
        content = self._load(task, file)
        if isinstance(content, DocumentReport):
            return self._settle(task, content)
        begun = task.begun
        if begun and begun.state in ("parsed", "embedded") and self._is_of(begun, task, content.hash):
            return _Parsed(_new(task, begun.missing, begun.chunks), begun.document_id)
        if task.old and not begun:
            self._catalogue.record(task.source, [task.path], "pending")
        extracted = self._extract(task, content)
        if isinstance(extracted, DocumentReport):
            return self._settle(task, extracted)
        source = task.source
        document = Document(
            id=_hash("\0".join([str(source.id), source.collection, task.path, content.hash, self._recipe]).encode()),
            collection=source.collection,
            source=task.path,
            title=extracted.title,
            content_hash=content.hash,
        )
        chunks = self._splitter.split(document.id, extracted)
        missing = extracted.missing
        self._indexes.delete(self._catalogue.stage(source, document, extracted.text, missing, self._recipe, chunks))
        return _Parsed(_new(task, missing, len(chunks)), document.id)

    def _settle(self, task: Task, report: DocumentReport) -> DocumentReport:
        """Bring the catalogue into step with a report on a document that goes no further."""
        if task.old and report.state in ("refused", "removed"):
            # a file that can no longer be read must not go on answering with what it once said
            self._indexes.delete(self._catalogue.remove([task.old.document_id]))
        if report.state == "refused" or report.state == "failed":
            self._record(task, report.state, report.reason)
        elif task.begun:
            self._indexes.delete(self._catalogue.drop_unfinished(task.source, [task.path]))
        return report

    def _record(self, task: Task, state: StoredState, reason: str) -> None:
        begun = task.begun
        if not begun or (begun.state, begun.reason, begun.collection) != (state, reason, task.source.collection):
            self._indexes.delete(self._catalogue.record(task.source, [task.path], state, reason))

    def _publish(self, parsed: Sequence[_Parsed]) -> Iterator[DocumentReport]:
        ids = [each.document_id for each in parsed]
        if not ids:
            return
        encoded = sum(self._indexes.add(rows) for rows in self._catalogue.rows_of_documents(ids))
        self._catalogue.note_embedded(ids)
        self._indexes.delete(self._catalogue.publish(ids))
        for number, each in enumerate(parsed):
            # encoding happens by the batch; its count stands on the batch's first report
            yield each.report.model_copy(update={"embedded_chunks": encoded if number == 0 else 0})

    def _forget_empty_sources(self) -> None:
        for source in self._catalogue.sources():
            if source.location.startswith(BUILT_IN) and source.collection not in self._built_in:
                self._catalogue.remove_source(source)


def _tried(task: Task, read: Callable[[], _T | DocumentReport]) -> _T | DocumentReport:
    """What `read` gives, or the report on why it gives nothing."""
    try:
        return read()
    except DocumentRefused as error:
        return _report(task, "refused", str(error))
    except FormatFailed as error:
        return _report(task, "failed", str(error))
    except OSError as error:
        return _report(task, "failed", f"cannot be read: {error.strerror}")


def _new(task: Task, missing: str, chunks: int = 0) -> DocumentReport:
    return _report(task, "partly" if missing else "changed" if task.old else "added", missing, chunks)


def _report(task: Task, state: DocumentState, reason: str = "", chunks: int = 0) -> DocumentReport:
    return DocumentReport(source=task.path, collection=task.source.collection, state=state, reason=reason, chunks=chunks)


def _location(path: Path) -> str:
    return str(path.expanduser().resolve())


def _hash(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()

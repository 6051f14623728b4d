"""Brings catalogue and indexes into step with files: what changed is read, what is gone is forgotten, the rest costs a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from chatbot.errors import DocumentRefused, SettingsError
from chatbot.knowledge import collections, reader
from chatbot.knowledge.catalogue import Catalogue
from chatbot.knowledge.collections import Collection
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.generations import Indexes
from chatbot.knowledge.splitter import Splitter
from chatbot.knowledge.tables import Source, Version
from chatbot.schema import Document, Value

State = Literal["added", "changed", "unchanged", "removed", "partly", "refused", "failed"]

BUILT_IN = "knowledge:"
"""Location of a collection found in the knowledge folders; any other location is a path."""

_BATCH_CHUNKS = 256


class DocumentReport(Value):
    """What a sync did with one document."""

    source: str
    collection: str
    state: State
    reason: str = ""
    chunks: int = 0
    embedded_chunks: int = 0


class _Task(NamedTuple):
    """One file's verdict before it is read."""

    source: Source
    path: str
    file: Path | None
    old: Version | None


class _Look(NamedTuple):
    """A file that is new or changed."""

    state: State
    content_hash: str
    extracted: Extracted


class _Parsed(NamedTuple):
    report: DocumentReport
    document_id: str


class Synchronizer:
    """Plans and carries out a sync. One at a time: the caller holds the lock."""

    def __init__(self, catalogue: Catalogue, indexes: Indexes, splitter: Splitter, built_in: Mapping[str, Collection]) -> None:
        self._catalogue = catalogue
        self._indexes = indexes
        self._splitter = splitter
        self._built_in = built_in
        self._recipe = splitter.recipe

    def register(self, path: Path, collection: str) -> Source:
        """Make a folder or file a source.

        Raises:
            SettingsError: there is nothing at `path`.
        """
        path = path.expanduser().resolve()
        if not path.exists():
            raise SettingsError(f"there is no file or folder {str(path)!r}; check the spelling")
        return self._catalogue.add_source(collection, str(path))

    def register_built_in(self) -> list[Source]:
        """Make every collection of the knowledge folders a source."""
        return [self._catalogue.add_source(name, f"{BUILT_IN}{name}") for name in self._built_in]

    def plan(self, sources: Sequence[Source]) -> list[_Task]:
        """List every file of the sources and every document whose file is gone, without reading any."""
        tasks: list[_Task] = []
        for source in sources:
            files, known = self._files(source), self._catalogue.versions(source)
            tasks += [_Task(source, path, file, known.get(path)) for path, file in files.items()]
            tasks += [_Task(source, path, None, old) for path, old in known.items() if path not in files]
        return tasks

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
                yield self._remove(task)
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

    def _files(self, source: Source) -> dict[str, Path]:
        if source.location.startswith(BUILT_IN):
            found = self._built_in.get(source.collection)
            return dict(found.files) if found else {}
        root = Path(source.location)
        if root.is_dir():
            files = [path for path in collections.walk(root) if path.name != collections.QUESTIONS]
            return {collections.printable(path.relative_to(root)): path for path in files}
        return {collections.printable(Path(root.name)): root} if root.is_file() else {}

    def _preview(self, task: _Task) -> DocumentReport:
        if task.file is None:
            return _report(task, "removed")
        found = self._look(task, task.file)
        return found if isinstance(found, DocumentReport) else _report(task, found.state, found.extracted.missing)

    def _unchanged(self, task: _Task, content_hash: str) -> bool:
        return task.old is not None and (task.old.content_hash, task.old.recipe) == (content_hash, self._recipe)

    def _remove(self, task: _Task, state: State = "removed", reason: str = "") -> DocumentReport:
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
            extracted = reader.read(task.path, raw)
        except DocumentRefused as error:
            return _report(task, "refused", str(error))
        except OSError as error:
            return _report(task, "failed", f"cannot be read: {error.strerror}")
        state: State = "partly" if extracted.missing else "changed" if task.old else "added"
        return _Look(state, content_hash, extracted)

    def _stage(self, task: _Task, file: Path) -> DocumentReport | _Parsed:
        found = self._look(task, file)
        if isinstance(found, DocumentReport):
            # a file that can no longer be read must not go on answering with what it once said
            return self._remove(task, "refused", found.reason) if found.state == "refused" else found
        extracted = found.extracted
        document = Document(
            id=_hash(f"{task.source.id}\0{task.path}\0{found.content_hash}\0{self._recipe}".encode()),
            collection=task.source.collection,
            source=task.path,
            title=extracted.title,
            content_hash=found.content_hash,
        )
        chunks = self._splitter.split(document.id, extracted)
        self._catalogue.stage(task.source, document, extracted.text, extracted.missing, self._recipe, chunks)
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


def _report(task: _Task, state: State, reason: str = "", chunks: int = 0) -> DocumentReport:
    return DocumentReport(source=task.path, collection=task.source.collection, state=state, reason=reason, chunks=chunks)


def _hash(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()

"""Brings catalogue and indexes into step with the sources: what changed is read, what is gone is forgotten, the rest is left.

A process may end anywhere in it. The steps between which that makes a difference are in `steps`, each one function.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.indexes.embedding import embed
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.outline import READING, Outline
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.origins import Content, Origin, Unchanged
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import IndexRow, Source, Version
from chatbot.knowledge.syncing import verdicts
from chatbot.knowledge.syncing.pace import Pace
from chatbot.knowledge.syncing.plan import Plan, Task, removal
from chatbot.knowledge.syncing.renames import Renames, keeps_its_title
from chatbot.reports import DocumentReport, DocumentState, StoredState
from chatbot.schema import Document

if TYPE_CHECKING:
    from chatbot.encoders.bi_encoder import BiEncoder
    from chatbot.knowledge.indexes.generations import Indexes

BATCH_CHUNKS = 256

Read = Callable[[str, bytes], Extracted]
"""As `reader.read`: in this process or, by `Sandbox.read`, in another one."""


class Parts(Protocol):
    """What a sync works with. Where nothing changed it asks neither for the encoder nor for the indexes, which take seconds."""

    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def splitter(self) -> Splitter: ...
    @property
    def encoder(self) -> BiEncoder: ...
    @property
    def indexes(self) -> Indexes: ...


class Parsed(NamedTuple):
    """A document that is staged, and the report on it once it is live."""

    report: DocumentReport
    document_id: str
    size: int = 0


Outcome = DocumentReport | Parsed
"""What became of a document: it goes no further, or it is staged."""


class Synchronizer:
    """Carries out what was planned. One at a time: the caller holds the lock."""

    def __init__(self, parts: Parts, read: Read = reader.read, pace: Pace | None = None) -> None:
        self._parts = parts
        self._catalogue = parts.catalogue
        self._splitter = parts.splitter
        self._recipe = self._splitter.recipe
        self._read = read
        self._pace = pace or Pace()
        self._marks: dict[str, str] = {}
        self._has_changed = False

    def forget(self, sources: Sequence[Source]) -> Iterator[DocumentReport]:
        """Remove sources with their documents; the files themselves stay."""
        yield from self.run(removal(sources, self._catalogue))
        for source in sources:
            self._catalogue.remove_source(source)

    def preview(self, plan: Plan) -> Iterator[DocumentReport]:
        """Say what `run` would do, changing nothing."""
        self._pace.begin([0] * len(plan.tasks))
        renames = Renames(plan.tasks)
        for task in plan.tasks:
            self._pace.check()
            if not renames.has_claimed(task):
                yield self._preview(task, renames)
            self._pace.done(0)

    def run(self, plan: Plan) -> Iterator[DocumentReport]:
        """Carry out a plan; a report comes when its document is live (or needs nothing). Stopping anywhere loses nothing.

        Raises:
            SyncStopped: by way of the pace.
        """
        sizes = [task.origin.size() if task.origin else 0 for task in plan.tasks]
        self._pace.begin(sizes)
        self._begin(plan)
        renames = Renames(plan.tasks)
        waiting: list[Parsed] = []
        for task, size in zip(plan.tasks, sizes, strict=True):
            self._pace.check()
            outcome = self._carried_out(task, renames)
            if isinstance(outcome, Parsed):
                self._pace.parsed(size)
                waiting.append(outcome._replace(size=size))
                if sum(parsed.report.chunks for parsed in waiting) >= BATCH_CHUNKS:
                    yield from self._publish(waiting)
                    waiting.clear()
                continue
            self._pace.done(size)
            if outcome:
                yield outcome
        yield from self._publish(waiting)
        self._finish()

    def _begin(self, plan: Plan) -> None:
        """Forget what nobody can finish any more, and note what is new: a killed sync leaves a trace of all it planned."""
        for source, paths in plan.stale.items():
            if paths:
                self._unindex(self._catalogue.drop_unfinished(source, paths))
        new: dict[Source, list[str]] = {}
        for task in plan.tasks:
            if task.origin and not task.old and not task.begun:
                new.setdefault(task.source, []).append(task.path)
        for source, paths in new.items():
            self._catalogue.record(source, paths, "pending")

    def _finish(self) -> None:
        if self._marks:
            self._catalogue.note_marks(self._marks)
        if self._has_changed:
            self._catalogue.sweep_embeddings(self._parts.indexes.fingerprints)

    def _carried_out(self, task: Task, renames: Renames) -> DocumentReport | Parsed | None:
        """None for the old path of a document that was reported under its new one."""
        if renames.has_claimed(task):
            return None
        return self._stage(task, task.origin, renames) if task.origin else self._settle(task, self._preview(task, renames))

    def _preview(self, task: Task, renames: Renames) -> DocumentReport:
        if task.origin is None:
            state: DocumentState = "failed" if task.fault else "refused" if task.refusal else "removed"
            return verdicts.report(task, state, task.fault or task.refusal)
        content = self._load(task, task.origin)
        if isinstance(content, DocumentReport):
            return content
        if (moved := renames.claim(task, _hash(content.raw))) and moved.old:
            return verdicts.new(task._replace(was=moved.path), moved.old.missing, moved.old.chunks)
        extracted = self._extract(task, content)
        return extracted if isinstance(extracted, DocumentReport) else verdicts.new(task, extracted.missing)

    def _is_of(self, version: Version, task: Task) -> bool:
        """True if the version was read as it would be read now. How a live one was split is for `resplit` to look at."""
        return (version.reading, version.collection) == (READING, task.source.collection)

    def _extract(self, task: Task, content: Content) -> Extracted | DocumentReport:
        return verdicts.tried(task, lambda: self._read(content.name, content.raw))

    def _load(self, task: Task, origin: Origin) -> DocumentReport | Content:
        """What is there, or the report on it where there is nothing to do."""
        old = task.old if task.old and self._is_of(task.old, task) else None

        def load() -> DocumentReport | Content:
            content = origin.load(old.mark if old else "")
            if isinstance(content, Unchanged):
                assert old, "nothing can be as it was that never was"
            elif not old or old.content_hash != _hash(content.raw):
                return content
            elif content.mark != old.mark:
                self._marks[old.document_id] = content.mark
            return verdicts.report(task, "unchanged", old.missing, old.chunks)

        return verdicts.tried(task, load)

    def _stage(self, task: Task, origin: Origin, renames: Renames) -> DocumentReport | Parsed:
        content = self._load(task, origin)
        if isinstance(content, DocumentReport):
            return self._settle(task, content)
        content_hash = _hash(content.raw)
        if (moved := renames.claim(task, content_hash)) and moved.old:
            task = self._rename(task, moved, moved.old)
            if task.old and self._is_of(task.old, task):
                self._marks[task.old.document_id] = content.mark
                return verdicts.new(task, task.old.missing, task.old.chunks)
        begun = task.begun
        if begun and (begun.content_hash, begun.recipe) == (content_hash, self._recipe) and self._is_of(begun, task):
            return Parsed(verdicts.new(task, begun.missing, begun.chunks), begun.document_id)
        if task.old and not begun:
            self._catalogue.record(task.source, [task.path], "pending")
        extracted = self._extract(task, content)
        if isinstance(extracted, DocumentReport):
            return self._settle(task, extracted)
        return self._parse(task, content, content_hash, extracted)

    def _rename(self, task: Task, moved: Task, old: Version) -> Task:
        """Give a document its new path; where its title goes with it, it is read anew there."""
        read_anew = not keeps_its_title(old, moved.path, task.path)
        self._unindex(self._catalogue.rename(task.source, old.document_id, moved.path, task.path, read_anew))
        old = old.model_copy(update={"reading": ""}) if read_anew else old
        return task._replace(old=old, begun=None, was=moved.path)

    def _parse(self, task: Task, content: Content, content_hash: str, extracted: Extracted) -> Parsed:
        document = Document(
            id=self._new_id(task, content_hash),
            collection=task.source.collection,
            source=task.path,
            title=extracted.title,
            content_hash=content_hash,
            date=extracted.date or content.date,
        )
        missing, chunks = extracted.missing, self._splitter.split(document.id, extracted, self._pace.check)
        outline = Outline.of(extracted)
        gone = self._catalogue.stage(task.source, document, extracted.text, missing, self._recipe, chunks, content.mark, outline)
        self._unindex(gone)
        return Parsed(verdicts.new(task, missing, len(chunks)), document.id)

    def _new_id(self, task: Task, content_hash: str) -> str:
        """The same for the same version. A document that was renamed keeps its id, so that another one may need a further id."""
        place = "\0".join([str(task.source.id), task.source.collection, task.path, content_hash, READING, self._recipe])
        ids = (_hash(f"{place}\0{number}".encode() if number else place.encode()) for number in count())
        return next(id_ for id_ in ids if not self._catalogue.live([id_]))

    def _settle(self, task: Task, report: DocumentReport) -> DocumentReport:
        """Bring the catalogue into step with a report on a document that goes no further."""
        if task.old and report.state in ("refused", "removed"):
            # a file that can no longer be read must not go on answering with what it once said
            self._unindex(self._catalogue.remove([task.old.document_id]))
        if report.state == "refused" or report.state == "failed":
            self._record(task, report.state, report.reason)
        elif task.begun:
            self._unindex(self._catalogue.drop_unfinished(task.source, [task.path]))
        return report

    def _record(self, task: Task, state: StoredState, reason: str) -> None:
        begun = task.begun
        if not begun or (begun.state, begun.reason, begun.collection) != (state, reason, task.source.collection):
            self._unindex(self._catalogue.record(task.source, [task.path], state, reason))

    def _publish(self, parsed: Sequence[Parsed]) -> Iterator[DocumentReport]:
        ids = [each.document_id for each in parsed]
        if not ids:
            return
        self._has_changed = True
        self._pace.batch(sum(each.report.chunks for each in parsed))
        encoded = sum(self._index(rows) for rows in self._catalogue.rows_of_documents(ids))
        self._catalogue.note_embedded(ids)
        self._unindex(self._catalogue.publish(ids))
        for number, each in enumerate(parsed):
            self._pace.done(each.size, waited=True)
            # encoding happens by the batch; its count stands on the batch's first report
            yield each.report.model_copy(update={"embedded_chunks": encoded if number == 0 else 0})

    def _index(self, rows: Sequence[IndexRow]) -> int:
        """Returns how many texts had no vector yet."""
        encoded = encode(rows, self._parts, self._pace)
        self._parts.indexes.add(rows)
        return encoded

    def _unindex(self, chunk_ids: Sequence[str]) -> None:
        if chunk_ids:
            self._has_changed = True
            self._parts.indexes.delete(chunk_ids)


def encode(rows: Sequence[IndexRow], parts: Parts, pace: Pace) -> int:
    """Give chunks the vectors that are not stored yet; returns how many texts that were.

    Raises:
        SyncStopped: by way of the pace; what was encoded is kept.
        DataDirectoryError: the vectors cannot be stored.
    """
    encoded = 0
    for fresh in embed(rows, parts.catalogue, parts.encoder):
        encoded += fresh
        pace.embedded(fresh, fresh)
        pace.check()
    pace.embedded(len(rows) - encoded, 0)
    return encoded


def _hash(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()

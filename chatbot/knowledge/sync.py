"""Brings catalogue and indexes into step with files: what changed is read, what is gone is forgotten, the rest costs a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from chatbot.errors import DocumentRefused, FetchFailed, FormatFailed
from chatbot.knowledge import reader
from chatbot.knowledge.catalogue import Catalogue
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.generations import Indexes
from chatbot.knowledge.origins import Content, Origin, Unchanged
from chatbot.knowledge.plan import Plan, Task, removal
from chatbot.knowledge.splitter import Splitter
from chatbot.knowledge.tables import Source, Version
from chatbot.schema import Document, DocumentReport, DocumentState, StoredState

BATCH_CHUNKS = 256

Read = Callable[[str, bytes], Extracted]
"""As `reader.read`: in this process or, by `Sandbox.read`, in another one."""

_T = TypeVar("_T")


class Parsed(NamedTuple):
    """A document that is staged, and the report on it once it is live."""

    report: DocumentReport
    document_id: str


Outcome = DocumentReport | Parsed
"""What became of a document: it goes no further, or it is staged."""


class Synchronizer:
    """Carries out what was planned. One at a time: the caller holds the lock."""

    def __init__(
        self,
        catalogue: Catalogue,
        indexes: Indexes,
        splitter: Splitter,
        read: Read = reader.read,
    ) -> None:
        self._read = read
        self._catalogue = catalogue
        self._indexes = indexes
        self._splitter = splitter
        self._recipe = splitter.recipe

    def forget(self, sources: Sequence[Source]) -> Iterator[DocumentReport]:
        """Remove sources with their documents; the files themselves stay."""
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
        waiting: list[Parsed] = []
        for task in plan.tasks:
            outcome = self._stage(task, task.origin) if task.origin else self._settle(task, self._preview(task))
            if isinstance(outcome, DocumentReport):
                yield outcome
                continue
            waiting.append(outcome)
            if sum(parsed.report.chunks for parsed in waiting) >= BATCH_CHUNKS:
                yield from self._publish(waiting)
                waiting.clear()
        yield from self._publish(waiting)
        self._catalogue.sweep_embeddings(self._indexes.fingerprints)

    def _begin(self, plan: Plan) -> None:
        """Forget what nobody can finish any more, and note what is new: a killed sync leaves a trace of all it planned."""
        for source, paths in plan.stale.items():
            if paths:
                self._indexes.delete(self._catalogue.drop_unfinished(source, paths))
        new: dict[Source, list[str]] = {}
        for task in plan.tasks:
            if task.origin and not task.old and not task.begun:
                new.setdefault(task.source, []).append(task.path)
        for source, paths in new.items():
            self._catalogue.record(source, paths, "pending")

    def _preview(self, task: Task) -> DocumentReport:
        if task.origin is None:
            state: DocumentState = "failed" if task.fault else "refused" if task.refusal else "removed"
            return _report(task, state, task.fault or task.refusal)
        content = self._load(task, task.origin)
        extracted = content if isinstance(content, DocumentReport) else self._extract(task, content)
        return extracted if isinstance(extracted, DocumentReport) else _new(task, extracted.missing)

    def _is_of(self, version: Version, task: Task) -> bool:
        """True if the version was read as it would be read now."""
        return (version.recipe, version.collection) == (self._recipe, task.source.collection)

    def _extract(self, task: Task, content: Content) -> Extracted | DocumentReport:
        return _tried(task, lambda: self._read(content.name, content.raw))

    def _load(self, task: Task, origin: Origin) -> DocumentReport | Content:
        """What is there, or the report on it where there is nothing to do."""
        old = task.old if task.old and self._is_of(task.old, task) else None

        def load() -> DocumentReport | Content:
            content = origin.load(old.mark if old else "")
            if isinstance(content, Unchanged) or (old and old.content_hash == _hash(content.raw)):
                assert old, "nothing can be as it was that never was"
                return _report(task, "unchanged", old.missing, old.chunks)
            return content

        return _tried(task, load)

    def _stage(self, task: Task, origin: Origin) -> DocumentReport | Parsed:
        content = self._load(task, origin)
        if isinstance(content, DocumentReport):
            return self._settle(task, content)
        begun, content_hash = task.begun, _hash(content.raw)
        if begun and begun.state in ("parsed", "embedded") and self._is_of(begun, task) and begun.content_hash == content_hash:
            return Parsed(_new(task, begun.missing, begun.chunks), begun.document_id)
        if task.old and not begun:
            self._catalogue.record(task.source, [task.path], "pending")
        extracted = self._extract(task, content)
        if isinstance(extracted, DocumentReport):
            return self._settle(task, extracted)
        source = task.source
        document = Document(
            id=_hash("\0".join([str(source.id), source.collection, task.path, content_hash, self._recipe]).encode()),
            collection=source.collection,
            source=task.path,
            title=extracted.title,
            content_hash=content_hash,
        )
        chunks = self._splitter.split(document.id, extracted)
        missing = extracted.missing
        staged = self._catalogue.stage(source, document, extracted.text, missing, self._recipe, chunks, content.mark)
        self._indexes.delete(staged)
        return Parsed(_new(task, missing, len(chunks)), document.id)

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

    def _publish(self, parsed: Sequence[Parsed]) -> Iterator[DocumentReport]:
        ids = [each.document_id for each in parsed]
        if not ids:
            return
        encoded = sum(self._indexes.add(rows) for rows in self._catalogue.rows_of_documents(ids))
        self._catalogue.note_embedded(ids)
        self._indexes.delete(self._catalogue.publish(ids))
        for number, each in enumerate(parsed):
            # encoding happens by the batch; its count stands on the batch's first report
            yield each.report.model_copy(update={"embedded_chunks": encoded if number == 0 else 0})


def _tried(task: Task, read: Callable[[], _T | DocumentReport]) -> _T | DocumentReport:
    """What `read` gives, or the report on why it gives nothing."""
    try:
        return read()
    except DocumentRefused as error:
        return _report(task, "refused", str(error))
    except (FormatFailed, FetchFailed) as error:
        return _report(task, "failed", str(error))
    except OSError as error:
        return _report(task, "failed", f"cannot be read: {error.strerror}")


def _new(task: Task, missing: str, chunks: int = 0) -> DocumentReport:
    return _report(task, "partly" if missing else "changed" if task.old else "added", missing, chunks)


def _report(task: Task, state: DocumentState, reason: str = "", chunks: int = 0) -> DocumentReport:
    return DocumentReport(source=task.path, collection=task.source.collection, state=state, reason=reason, chunks=chunks)


def _hash(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()

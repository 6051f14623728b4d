"""A sync whose documents are read and encoded on a cluster. This process plans, indexes and publishes, and owns the catalogue.

Why not the workers: a document becomes live in the catalogue, in Chroma and in tantivy together, and only one process can keep
the three in step. What it does for a chunk is a hundredth of what encoding one takes, so it keeps some hundred cores busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from chatbot.knowledge.sources.origins import FileOrigin
from chatbot.knowledge.syncing.pace import Pace
from chatbot.knowledge.syncing.plan import Plan, Task
from chatbot.knowledge.syncing.renames import Renames
from chatbot.knowledge.syncing.sync import BATCH_CHUNKS, Outcome, Parsed, Parts, Read, Synchronizer
from chatbot.reports import DocumentReport

Process = Callable[[Sequence[Task], str], Iterator[tuple[Task, Outcome]]]
"""Stages and encodes documents elsewhere, by leave of a token; see `cluster.process`."""


class DistributedSynchronizer(Synchronizer):
    """Carries out what was planned with the help of a cluster. One at a time: the caller holds the lock."""

    def __init__(self, parts: Parts, read: Read, pace: Pace | None, process: Process) -> None:
        super().__init__(parts, read, pace)
        self._process = process

    def run(self, plan: Plan) -> Iterator[DocumentReport]:
        """As `Synchronizer.run`; reports come in any order. A renamed file is read anew: nobody here knows its bytes."""
        sizes = {(task.source.id, task.path): task.origin.size() if task.origin else 0 for task in plan.tasks}
        self._pace.begin(list(sizes.values()))
        self._begin(plan)
        for source in plan.stale:
            # workers may drop these, and can reach no index; none of them is live
            begun = self._catalogue.unfinished(source).values()
            staged = [version.document_id for version in begun if version.chunks]
            self._unindex([chunk.id for each in staged for chunk in self._catalogue.chunks_of(each)])
        waiting: list[Parsed] = []
        for task, outcome in self._outcomes(plan.tasks):
            self._pace.check()
            size = sizes[task.source.id, task.path]
            if isinstance(outcome, DocumentReport):
                self._pace.done(size)
                yield self._settle(task, outcome)
                continue
            self._pace.parsed(size)
            waiting.append(outcome._replace(size=size))
            if sum(parsed.report.chunks for parsed in waiting) >= BATCH_CHUNKS:
                yield from self._publish_all(waiting)
                waiting.clear()
        yield from self._publish_all(waiting)
        self._finish()

    def _outcomes(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Files go to the cluster. Pages from the web stay: only one process can keep its distance from a host."""
        none = Renames(())
        far = [task for task in tasks if isinstance(task.origin, FileOrigin)]
        for task in tasks:
            if task.origin is None:
                yield task, self._preview(task, none)
            elif not isinstance(task.origin, FileOrigin):
                yield task, self._stage(task, task.origin, none)
        if not far:
            return
        try:
            yield from self._process(far, self._catalogue.admit())
        finally:
            self._catalogue.admit()  # a worker that was lost, and still lives, writes nothing into what comes next

    def _publish_all(self, parsed: Sequence[Parsed]) -> Iterator[DocumentReport]:
        reports = list(self._publish(parsed))
        live = self._catalogue.live([each.document_id for each in parsed])
        for each, report in zip(parsed, reports, strict=True):
            if each.document_id in live:
                yield report
            else:
                reason = "it changed while it was read; sync again"
                yield report.model_copy(update={"state": "failed", "reason": reason, "chunks": 0})

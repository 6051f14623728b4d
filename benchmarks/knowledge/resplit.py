"""The row `resplit`: another size of chunks, and how long a search waits meanwhile."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.knowledge import replay
from benchmarks.knowledge.ingesting import measured
from benchmarks.knowledge.search import questions_of
from chatbot.bootstrap import Application
from chatbot.errors import ChatbotError
from chatbot.schema import Query
from chatbot.settings import ChunkSettings, RetrievalSettings

_SMALLER = ChunkSettings(min_tokens=60, max_tokens=160)
_PAUSE_S = 0.02
"""Between two searches: they are to notice a wait, not to take the machine."""


def cost(documents: Path, work: Path, rounds: int, file: Path | None) -> None:
    """Print CPU-ms a new chunk and the waits of searches, of which each round makes one exchange."""
    models = replay.compiled(work)
    questions = questions_of(documents, 100)
    runs: list[dict[str, Any]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            folder, data = str(documents), Path(scratch) / "data"
            encoder = replay.Replayed(models)
            with replay.application(data, encoder) as application:
                before = sum(report.chunks for report in application.sync([folder], "bench"))
            with replay.application(data, encoder, chunks=_SMALLER) as application:
                runs.append({"chunks_before": before, **_resplit(application, folder, questions)})
    _print(runs)
    record.append(file, "resplit", "chatbot", {"runs": runs})


def _resplit(application: Application, folder: str, questions: Sequence[str]) -> dict[str, Any]:
    waits_ms: list[float] = []
    failed: list[str] = []
    stop = threading.Event()
    asking = threading.Thread(target=_ask, args=(application, questions, waits_ms, failed, stop))
    asking.start()
    with measured() as spent:
        for _ in application.sync([folder], "bench"):
            pass
    stop.set()
    asking.join()
    return {
        "chunks": len(application.catalogue.chunk_ids()),
        "searches": len(waits_ms),
        "failed": len(failed),
        "p50_ms": statistics.median(waits_ms),
        "longest_ms": max(waits_ms),
        **spent.figures,
    }


def _ask(
    application: Application, questions: Sequence[str], waits_ms: list[float], failed: list[str], stop: threading.Event
) -> None:
    loop = asyncio.new_event_loop()
    while not stop.wait(_PAUSE_S):
        question = questions[len(waits_ms) % len(questions)]
        begun = time.perf_counter()
        try:
            found = loop.run_until_complete(application.search(Query(text=question), RetrievalSettings().top_k))
        except ChatbotError as error:
            failed.append(repr(error))
        else:
            if not found:
                failed.append(f"nothing found for {question!r}")
        waits_ms.append((time.perf_counter() - begun) * 1000)
    loop.close()


def _print(runs: list[dict[str, Any]]) -> None:
    per_chunk = [1000 * run["cpu_s"] / run["chunks"] for run in runs]
    rows = [
        ["CPU-ms a new chunk, searches among them", record.spread(per_chunk)],
        ["wall seconds", record.spread([run["wall_s"] for run in runs])],
        ["a search meanwhile, p50, ms", record.spread([run["p50_ms"] for run in runs])],
        ["… the longest, ms", record.spread([run["longest_ms"] for run in runs])],
    ]
    record.table(f"{runs[0]['chunks_before']} chunks split anew into {runs[0]['chunks']}", ("", ""), rows)
    searches, failed = (sum(run[name] for run in runs) for name in ("searches", "failed"))
    print(f"{failed} of {searches} searches failed or found nothing (target 0)")

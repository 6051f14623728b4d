"""The row `search`: the product's hybrid search against Chroma and tantivy alone, and no dead document while some change."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.knowledge import replay
from chatbot.bootstrap import Application
from chatbot.language.terms import terms
from chatbot.schema import Query
from chatbot.settings import RetrievalSettings

TARGET, TARGET_MS = 1.2, 1.0
_WORDS = 6
"""Of a question."""
_REPLACED_AT_ONCE = 5


def compare(documents: Path, work: Path, count: int, rounds: int, file: Path | None) -> None:
    """Print p50 of both, asked in turn, then search while documents are replaced."""
    models = replay.compiled(work)
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        encoder = replay.Replayed(models)
        with replay.application(Path(scratch) / "data", encoder) as application:
            chunks = sum(report.chunks for report in application.sync([str(documents)], "bench"))
            questions = questions_of(documents, count)
            runs = [_round(application, encoder, questions) for _ in range(rounds)]
            _print(chunks, runs)
            dead = _while_replaced(application, Path(scratch) / "changing", questions)
    record.append(file, "search", "chatbot", {"chunks": chunks, "questions": count, "runs": runs, **dead})
    print(
        f"{dead['passages']} passages found while documents were replaced {dead['syncs']} times; {dead['dead']} dead (target 0)"
    )


def _round(application: Application, encoder: replay.Replayed, questions: Sequence[str]) -> dict[str, float]:
    """Milliseconds at the median. Each question is encoded before it is timed."""
    raw, hybrid = _raw(application, encoder), _hybrid(application, encoder)
    spent: dict[str, list[float]] = {"raw_ms": [], "hybrid_ms": []}
    for question in questions:
        encoder.encode_query(question)
        for name, ask in (("raw_ms", raw), ("hybrid_ms", hybrid)):
            begun = time.perf_counter()
            ask(question)
            spent[name].append((time.perf_counter() - begun) * 1000)
    return {name: statistics.median(values) for name, values in spent.items()}


def _raw(application: Application, encoder: replay.Replayed) -> Callable[[str], Any]:
    """Both vendors with nothing between, on the product's own files: the same number of candidates, no filter, ids alone."""
    import tantivy

    dense: Any = application.indexes.dense
    lexical: Any = application.indexes.lexical
    collection, index, schema = dense._collection, lexical._index, lexical._schema
    k = RetrievalSettings().candidates

    def ask(question: str) -> None:
        collection.query(query_embeddings=[encoder.encode_query(question)], n_results=k, include=["distances"])
        searcher = index.searcher()
        wanted = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "terms", term)) for term in terms(question)]
        hits = searcher.search(tantivy.Query.boolean_query(wanted), limit=k, count=False).hits
        _ = [searcher.doc(address)["id"][0] for _, address in hits]

    return ask


def _hybrid(application: Application, _: replay.Replayed) -> Callable[[str], Any]:
    loop = asyncio.new_event_loop()
    return lambda question: loop.run_until_complete(application.search(Query(text=question), RetrievalSettings().top_k))


def _while_replaced(application: Application, folder: Path, questions: Sequence[str]) -> dict[str, int]:
    """Every passage found must be of a version that was live at some moment of its search."""
    folder.mkdir()
    stop, moments = threading.Event(), random.Random(1)
    versions: dict[str, set[int]] = {}
    done = {"syncs": 0, "passages": 0, "dead": 0}

    def replace() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            for file in range(_REPLACED_AT_ONCE):
                words = " ".join(moments.sample(questions, 3))
                (folder / f"{file}.txt").write_text(f"Version {number}. {words}", encoding="utf-8")
            begun = number
            versions.setdefault("coming", set()).add(begun)
            for _ in application.sync([str(folder)], "changing"):
                pass
            versions.setdefault("live", set()).clear()
            versions["live"].add(begun)
            done["syncs"] += 1

    thread = threading.Thread(target=replace)
    thread.start()
    ask = _hybrid(application, replay.Replayed.__new__(replay.Replayed))
    for question in questions:
        before = max(versions.get("live", {0}), default=0)
        for passage in ask(question):
            done["passages"] += 1
            if passage.collection == "changing" and int(passage.chunk.text.split(".")[0].split()[1]) < before:
                done["dead"] += 1
    stop.set()
    thread.join()
    return done


def questions_of(documents: Path, count: int) -> list[str]:
    """A few words in a row of a document each."""
    moments = random.Random(1)
    files = sorted(documents.rglob("*.txt"))
    questions: list[str] = []
    while len(questions) < count:
        words = moments.choice(files).read_text(encoding="utf-8").split()
        start = moments.randrange(max(1, len(words) - _WORDS))
        questions.append(" ".join(words[start : start + _WORDS]))
    return [question for question in questions if terms(question)]


def _print(chunks: int, runs: list[dict[str, float]]) -> None:
    raw, hybrid = ([run[name] for run in runs] for name in ("raw_ms", "hybrid_ms"))
    over = [b / (TARGET * a + TARGET_MS) for a, b in zip(raw, hybrid, strict=True)]
    record.table(
        f"search over {chunks} chunks, p50",
        ("", "ms"),
        [["Chroma + tantivy", record.spread(raw)], ["chatbot, hybrid", record.spread(hybrid)]],
    )
    print(f"of the target ({TARGET} x raw + {TARGET_MS} ms): {record.spread(over)}; at most 1 meets it")

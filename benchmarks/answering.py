"""How long an extractive answer takes, stage by stage, and how many a second there are with the reader off, on and adaptive.

python -m benchmarks.answering latency --data DATA --work WORK [--append benchmarks/results/answering.jsonl]
python -m benchmarks.answering throughput --data DATA --work WORK [--append FILE]

`hybrid` is one question encoded and searched for in some 60,000 chunks of made-up words, whose vectors are made up as well. All
else is asked of SQuAD's development paragraphs in DATA, of about 160 tokens, one user at a time. WORK keeps what was encoded.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.knowledge import replay, texts
from chatbot import settings
from chatbot.bootstrap import Application, open_application
from chatbot.encoders import Vectors, bi_encoder
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.evaluation.corpus import Corpora
from chatbot.evaluation.sets.folder import DataFolder
from chatbot.evaluation.sets.squad import squad
from chatbot.flow.condense import search_forms
from chatbot.flow.pipeline import Pipeline
from chatbot.flow.rerank import AT_ONCE, DEPTH, Reranker
from chatbot.language import prose
from chatbot.schema import Query

_DOCUMENTS = 2300
_SENTENCES = 40
_WITHOUT_LIMIT = 1_000
_TARGETS = {"hybrid_ms": "p95 40", "rerank_ms": "p95 250", "sentences_ms": "p95 150", "answer_ms": "p50 500"}


class OwnQuestions(replay.Replayed):
    """Documents have made-up vectors; questions are encoded."""

    def __init__(self, encoder: BiEncoder, folder: Path) -> None:
        super().__init__(folder)
        self._encoder = encoder

    def _replay_query(self, text: str) -> Vectors:
        return self._encoder.encode_query(text)

    def trust(self, text: str) -> float:
        """As of the encoder of the questions."""
        return self._encoder.trust(text)


def main() -> None:
    asked = _arguments()
    if asked.what == "latency":
        _latency(asked)
    else:
        _throughput(asked)


def _latency(asked: argparse.Namespace) -> None:
    chunks, hybrid = _hybrid(asked.work, asked.questions)
    spent: dict[str, list[float]] = {"hybrid_ms": hybrid}
    cpu = 0.0
    with _squad(asked.data, asked.work) as (application, questions):
        for question in questions[: asked.questions]:
            began = time.process_time()
            for name, took in _stages(application, question).items():
                spent.setdefault(name, []).append(took)
            cpu += time.process_time() - began
    rows = {name: {"p50": statistics.median(times), "p95": record.percentile(times, 0.95)} for name, times in spent.items()}
    record.table(
        f"{asked.questions} questions, one at a time; hybrid over {chunks:,} chunks, the rest over SQuAD",
        ("", "p50", "p95", "target"),
        [(name, f"{row['p50']:.0f}", f"{row['p95']:.0f}", _TARGETS.get(name, "")) for name, row in rows.items()],
    )
    record.append(asked.append, "latency", "chatbot", {"chunks": chunks, "questions": asked.questions, **rows, "cpu_s": cpu})


def _hybrid(work: Path, count: int) -> tuple[int, list[float]]:
    documents = texts.documents(work, [], _DOCUMENTS)
    models = replay.compiled(work)
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        real = _encoder(work)
        with replay.application(Path(scratch) / "data", OwnQuestions(real, models), retrieval={"rerank": False}) as application:
            chunks = sum(report.chunks for report in application.sync([str(documents)], "bench"))
            retrieve = application.pipeline.parts.retrieve
            words = next(iter(sorted(documents.rglob("*.txt")))).read_text(encoding="utf-8").split()
            questions = [Query(text=" ".join(words[8 * number : 8 * number + 8])) for number in range(count)]
            return chunks, [_ms(lambda each=each: retrieve(each, search_forms(each), 20)) for each in questions]


def _encoder(work: Path) -> BiEncoder:
    return bi_encoder.load(settings.load(data_dir=work).encoder.model, work / "models")


def _stages(application: Application, question: str) -> dict[str, float]:
    """Milliseconds. What is remembered is asked for in other words, so that nothing is had for free."""
    parts = application.pipeline.parts
    query = Query(text=question)
    found = parts.retrieve(query, search_forms(query), DEPTH)
    sentences = [said for passage in found for _, said in prose.quotable(passage.chunk.text)][:_SENTENCES]
    rerank = _ms(lambda: parts.rerank(Query(text=f"{question} "), found))
    encode = _ms(lambda: application.encoder.encode_short([f"{said} " for said in sentences]))
    return {"rerank_ms": rerank, "sentences_ms": encode, "answer_ms": _ms(lambda: asyncio.run(_ask(application.pipeline, query)))}


def _throughput(asked: argparse.Namespace) -> None:
    with _squad(asked.data, asked.work) as (application, questions):
        parts = application.pipeline.parts._replace(cache=None)
        modes = {
            "off": Reranker(None),
            "on": Reranker(application.reader, at_once=_WITHOUT_LIMIT),
            "adaptive": Reranker(application.reader, at_once=AT_ONCE),
        }
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in modes}
        for number in range(asked.rounds):
            some = questions[number * asked.questions : (number + 1) * asked.questions]
            for name, rerank in modes.items():
                runs[name].append(asyncio.run(_load(Pipeline(parts._replace(rerank=rerank)), some, asked.users)))
    rows = [
        (name, *(record.spread([run[key] for run in each]) for key in ("per_s", "cpu_s", "of_cpu", "read")))
        for name, each in runs.items()
    ]
    record.table(
        f"{asked.users} users at once, {asked.rounds} alternating rounds of {asked.questions} questions",
        ("reader", "answers a second", "CPU-s an answer", "share of what its CPU allows (target .8)", "share read"),
        rows,
    )
    record.append(asked.append, "throughput", "chatbot", {"users": asked.users, "questions": asked.questions, "runs": runs})


async def _load(pipeline: Pipeline, questions: Sequence[str], users: int) -> dict[str, float]:
    waiting = list(questions)
    read = 0

    async def user() -> None:
        nonlocal read
        while waiting:
            answer = await pipeline.complete(Query(text=waiting.pop()))
            read += any(passage.answerable is not None for passage in answer.passages)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(user() for _ in range(users)))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "per_s": len(questions) / wall,
        "cpu_s": cpu / len(questions),
        "of_cpu": cpu / wall / len(os.sched_getaffinity(0)),
        "read": read / len(questions),
    }


async def _ask(pipeline: Pipeline, query: Query) -> Any:
    return await Pipeline(pipeline.parts._replace(cache=None)).complete(query)


@contextmanager
def _squad(data: Path, work: Path) -> Generator[tuple[Application, list[str]]]:
    set_ = squad(DataFolder(data, "dev"), "1.1")

    @contextmanager
    def opened(data_dir: Path) -> Generator[Application]:
        with open_application(settings.load(data_dir=data_dir), "bench", read_built_in=False) as application:
            yield application

    with Corpora(work, opened, print).texts("squad", set_.paragraphs.values()) as store:
        assert isinstance(store, Application)
        yield store, [each.question for each in set_.asked]


def _ms(work: Any) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("latency", "throughput"))
    parser.add_argument("--data", type=Path, required=True, help="the folder of evaluation sets")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=100, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--append", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    main()

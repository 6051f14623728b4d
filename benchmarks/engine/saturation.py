"""Answers per second over HTTP with all users busy: `chatbot serve` against LangChain's chain, retrieval included, rerank off.

Both servers are up all the time and asked in turn; the questions come from a process with lower priority.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks import record
from benchmarks.engine.processes import NotRun, Serving, chatbot, fake_vllm, peer, worker
from benchmarks.process import cpu_s, rss_mib
from chatbot import settings
from chatbot.knowledge.reading import reader
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.collections import golden_questions
from chatbot.knowledge.sources.roots import knowledge_folders

SYSTEMS = ("LangChain", "chatbot")
TOKENS = 64
CLEAR = 0.45
"""Cosine of a question's best passage; the product refuses below 0.25."""


class Load(NamedTuple):
    users: tuple[int, ...]
    seconds: float
    rounds: int
    rate: float


def compare(systems: Sequence[str], data: Path, load: Load, file: Path | None) -> None:
    """Print what each system did at each number of users.

    Target: the product at least 3 x LangChain's answers, no error, memory at most 100 MiB more at 128 users than at 1.
    """
    data.mkdir(parents=True, exist_ok=True)
    _write_knowledge(data)
    measured: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    with fake_vllm(TOKENS, load.rate, 0) as fake, ExitStack() as stack:
        serving = _started(systems, data, fake.url, stack)
        if "chatbot" in serving:
            _leave_out_abstentions(serving["chatbot"], data / "questions.json")
        for _ in range(load.rounds):
            for users in load.users:
                for name, server in serving.items():
                    measured[name, users].append(_burden(name, server, users, load.seconds, data))
    _print(serving, measured, load)
    for (name, users), runs in measured.items():
        record.append(file, "saturation", name, {"users": users, **load._asdict(), "tokens": TOKENS, "runs": runs})


def _started(systems: Sequence[str], data: Path, upstream: str, stack: ExitStack) -> dict[str, Serving]:
    serving: dict[str, Serving] = {}
    for name in systems:
        try:
            serving[name] = stack.enter_context((chatbot if name == "chatbot" else peer)(data, upstream))
            _burden(name, serving[name], 4, 3, data)  # warm up
        except NotRun as error:
            print(f"{name}: not run: {error}")
    return serving


def _burden(name: str, server: Serving, users: int, seconds: float, data: Path) -> dict[str, Any]:
    spent = cpu_s(server.pid)
    arguments = [name, server.url, str(users), str(seconds), str(data / "questions.json")]
    done: dict[str, Any] = worker("benchmarks.engine.load", arguments, niced=True)
    used = cpu_s(server.pid) - spent
    return {**done, "cpu_ms_per_answer": used * 1000 / max(1, done["answers"]), "rss_mib": rss_mib(server.pid)}


def _print(serving: dict[str, Serving], measured: dict[tuple[str, int], list[dict[str, Any]]], load: Load) -> None:
    lines: list[list[str]] = []
    for users in load.users:
        for name in serving:
            runs = measured[name, users]
            speed = [run["answers_per_s"] for run in runs]
            theirs = [run["answers_per_s"] for run in measured.get(("LangChain", users), ())]
            ratios = [a / b for a, b in zip(speed, theirs, strict=False) if b]
            wrong = ", ".join(f"{sum(run['errors'].get(kind, 0) for run in runs)} {kind}" for kind in _kinds(runs))
            lines.append(
                [
                    f"{name}, {users}",
                    record.spread(speed, 1),
                    record.spread(ratios, 2) if ratios else "",
                    record.spread([run["cpu_ms_per_answer"] for run in runs], 1),
                    f"{statistics.median(run['p95_s'] for run in runs):.2f}",
                    f"{statistics.median(run['rss_mib'] for run in runs):.0f}",
                    wrong or "0",
                ]
            )
    title = f"{TOKENS} tokens at {load.rate:.0f}/s, {load.rounds} alternating rounds of {load.seconds:.0f} s"
    heads = ("system, users", "answers/s", "x LangChain", "CPU-ms per answer", "p95 s", "RSS MiB", "errors")
    record.table(title, heads, lines)


def _kinds(runs: Sequence[dict[str, Any]]) -> list[str]:
    return sorted({kind for run in runs for kind in run["errors"]})


def _leave_out_abstentions(server: Serving, file: Path) -> None:
    """A refusal costs no tokens, so that it would flatter whoever refuses; what is left is far from the threshold."""
    with httpx.Client(base_url=server.url, timeout=30) as http:

        def best(question: str) -> float:
            found = http.post("/v1/search", json={"text": question, "k": 5}).raise_for_status().json()["passages"]
            return max((passage["dense"] for passage in found), default=0.0)

        questions = [question for question in json.loads(file.read_text(encoding="utf-8")) if best(question) >= CLEAR]
    file.write_text(json.dumps(questions), encoding="utf-8")


def _write_knowledge(data: Path) -> None:
    """The documents for the peer, and questions that they answer."""
    found = collections.discover(knowledge_folders(settings.load())).values()
    texts = [reader.read(path, file.read_bytes()).text for each in found for path, file in sorted(each.files.items())]
    questions = [golden.question for each in found for golden in golden_questions(each) if golden.expected_sources]
    (data / "documents.json").write_text(json.dumps(texts), encoding="utf-8")
    (data / "questions.json").write_text(json.dumps(questions), encoding="utf-8")

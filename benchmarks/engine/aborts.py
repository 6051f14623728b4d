"""How soon the model server is let go when a client leaves: before the first token, in mid-stream, and without a stream.

Resumable: with --append every batch is a line, and a later run of the same seed goes on behind the last.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import aiohttp
import uvloop

from benchmarks import record
from benchmarks.engine.processes import NotRun, Serving, chatbot, engine_environment, fake_vllm, sockets, stats
from benchmarks.engine.rows import Ask, Row, opened

WAYS = ("raw", "ChatOpenAI", "LangChain", "chatbot", "server")
"""A row inside this process, or `chatbot serve` over HTTP."""
KINDS = ("before the first token", "mid-stream", "not streaming")

_PREFILL_MS, _RATE, _TOKENS = 300, 100, 400
_BATCH, _AT_ONCE = 48, 8
_PATIENCE_S = 5
_QUESTION = "What is nucleus sampling (asked {})?"
"""The built-in knowledge answers it: a refusal would never reach the model server."""


class Plan(NamedTuple):
    through: str
    times: int
    seed: int


class Left(NamedTuple):
    """One client that went away."""

    question: str
    at_s: float
    kind: str


Leave = Callable[[str, str, random.Random], Awaitable[float]]
"""Asks a question in one of the ways of `KINDS`, leaves, and says when, on the monotonic clock."""


def run(plan: Plan, data: Path, file: Path | None) -> None:
    """Print the delays and what was left over. Target: 500 ms at the 99th percentile; no task, no socket, no running stream."""
    before = record.read(file, "aborts", row=plan.through, seed=plan.seed)
    begin = max((line["to"] for line in before), default=0)
    lines = list(before)
    with fake_vllm(_TOKENS, _RATE, _PREFILL_MS) as fake:
        try:
            if plan.through == "server":
                with chatbot(data, fake.url) as server:
                    lines += uvloop.run(_batches(plan, begin, _over_http(server), fake, server.pid, file))
            else:
                os.environ.update(engine_environment(data, fake.url))
                lines += uvloop.run(_batches(plan, begin, _inside(cast(Row, plan.through), fake.url), fake, os.getpid(), file))
        except NotRun as error:
            print(f"{plan.through}: not run: {error}")
    _print(plan, lines)


async def _batches(plan: Plan, begin: int, way: Any, fake: Serving, pid: int, file: Path | None) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    async with way as leave:
        for number in range(2):  # connections and imports
            await leave(_QUESTION.format(f"warm-up {number}"), KINDS[1], random.Random(number))
        await _settled(fake, 2)
        tasks, open_sockets = len(asyncio.all_tasks()), sockets(pid)
        for start in range(begin, plan.times, _BATCH):
            end = min(start + _BATCH, plan.times)
            before = await _stats(fake)
            lefts = await _batch(plan.seed, range(start, end), leave)
            figures = await _delays(fake, lefts, before)
            await asyncio.sleep(0.2)
            figures |= {
                "seed": plan.seed,
                "from": start,
                "to": end,
                "tasks_left": len(asyncio.all_tasks()) - tasks,
                "sockets_left": max(0, sockets(pid) - open_sockets - _AT_ONCE),
            }
            record.append(file, "aborts", plan.through, figures)
            lines.append(figures)
    return lines


async def _batch(seed: int, numbers: range, leave: Leave) -> list[Left]:
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> Left:
        kind, question = KINDS[number % len(KINDS)], _QUESTION.format(f"{seed}-{number}")
        async with free:
            return Left(question, await leave(question, kind, random.Random(f"{seed}-{number}")), kind)

    return list(await asyncio.gather(*map(one, numbers)))


async def _delays(fake: Serving, lefts: list[Left], before: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds by kind; what the server never saw, or never was told the end of, is counted apart."""
    seen = len(before["aborted"])
    said = await _settled(fake, seen + len(lefts))
    delays: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for left in lefts:
        found = [each["at_s"] for each in said["aborted"][seen:] if left.question in each["question"]]
        delays[left.kind] += [round((at_s - left.at_s) * 1000, 1) for at_s in found]
    asked = said["completions"] - before["completions"]
    return {
        "delays_ms": delays,
        "never_asked": len(lefts) - asked,
        "untold": asked - (len(said["aborted"]) - seen),
        "running_left": said["running"],
    }


async def _settled(fake: Serving, aborted: int) -> dict[str, Any]:
    until = time.monotonic() + _PATIENCE_S
    said = await _stats(fake)
    while (len(said["aborted"]) < aborted or said["running"]) and time.monotonic() < until:
        await asyncio.sleep(0.05)
        said = await _stats(fake)
    return said


async def _stats(fake: Serving) -> dict[str, Any]:
    return await asyncio.to_thread(stats, fake.url)


@asynccontextmanager
async def _inside(row: Row, url: str) -> AsyncGenerator[Leave]:
    async with opened(row, url) as ask:

        async def leave(question: str, kind: str, chance: random.Random) -> float:
            if kind == "mid-stream" and chance.random() < 0.5:
                return await _closed(ask, question, chance.randint(1, 50))
            reading = asyncio.create_task(_read(ask, question))
            await asyncio.sleep(_wait_s(kind, chance))
            at_s = time.monotonic()
            reading.cancel()
            await asyncio.wait([reading])
            return at_s

        yield leave


async def _closed(ask: Ask, question: str, pieces: int) -> float:
    """Close the iterator, as a front end does that has seen enough."""
    at_s = 0.0
    async with aclosing(ask(question)) as stream:
        async for _ in stream:
            pieces -= 1
            if pieces == 0:
                at_s = time.monotonic()
                break
    return at_s


async def _read(ask: Ask, question: str) -> None:
    async with aclosing(ask(question)) as stream:
        async for _ in stream:
            pass


@asynccontextmanager
async def _over_http(server: Serving) -> AsyncGenerator[Leave]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as http:

        async def leave(question: str, kind: str, chance: random.Random) -> float:
            body = {"question": question, "stream": kind != "not streaming"}
            asking = asyncio.create_task(_post(http, f"{server.url}/v1/answers", body))
            await asyncio.sleep(_wait_s(kind, chance))
            at_s = time.monotonic()
            asking.cancel()
            await asyncio.wait([asking])
            return at_s

        yield leave


async def _post(http: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> bytes:
    async with http.post(url, json=body) as response:
        return await response.read()


def _wait_s(kind: str, chance: random.Random) -> float:
    if kind == "before the first token":
        return chance.uniform(0.15, 0.9 * _PREFILL_MS / 1000)
    return chance.uniform(_PREFILL_MS / 1000 + 0.2, 2.5)


def _print(plan: Plan, lines: list[dict[str, Any]]) -> None:
    rows: list[list[str]] = []
    for kind in KINDS:
        delays = [delay for line in lines for delay in line["delays_ms"][kind]]
        shares = [f"{record.percentile(delays, share):.1f}" if delays else "" for share in (0.5, 0.99, 1)]
        rows.append([kind, str(len(delays)), *shares])
    record.table(f"{plan.through}, seed {plan.seed}", ("closed", "times", "p50 ms", "p99 ms", "worst ms"), rows)
    last = {name: max((line[name] for line in lines), default=0) for name in ("running_left", "tasks_left", "sockets_left")}
    untold, never = (sum(line[name] for line in lines) for name in ("untold", "never_asked"))
    print(
        f"left before the server was asked: {never}; never told of: {untold}; left behind: "
        + ", ".join(f"{name[:-5]} {count}" for name, count in last.items())
    )

"""Streams cut into pieces at random bytes: the text must come out the same, and no character may break.

Resumable: cut number n of a seed is always the same, and with --append a later run goes on behind the last.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import record
from benchmarks.engine.processes import engine_environment
from benchmarks.engine.rows import Ask, Row, opened
from tests.fake_vllm import Answer, FakeVllm, Steps, words
from tests.fake_vllm import script as scripts

_BATCH = 500
_WIDE = tuple(["żółć", "🫖", "☕️", "漢字かな", "é", "\u2028", "\x00", "\\n", '"', "<|end|>", "👩\u200d🔬"])


def run(row: Row, data: Path, count: int, seed: int, folder: Path | None, file: Path | None) -> None:
    """Print how many cuts changed the text. Target: 0 of 10,000."""
    before = record.read(file, "splits", row=row, seed=seed)
    begin = max((line["to"] for line in before), default=0)
    lines = [*before, *uvloop.run(_all(row, data, range(begin, count), seed, _recorded(folder), file))]
    cut, changed, broken = (sum(line[name] for line in lines) for name in ("cuts", "changed", "broken"))
    heads = ("row", "streams cut", "other text", "broken characters")
    record.table(f"random cuts, seed {seed}", heads, [[row, str(cut), str(changed), str(broken)]])


def bodies() -> list[bytes]:
    """Streams of the fake server, in every legal way to write them."""
    answers = [Answer(words(60)), Answer(_WIDE * 4), Answer(("", "é")), Answer(("x" * 70_000,))]
    ways: list[tuple[scripts.Fault, ...]] = [(), (scripts.Comments(),), (scripts.DataLines(),), (scripts.LineEnds(),)]
    made = [replace(answer, faults=way) for answer in answers for way in ways]
    body = {"stream": True, "stream_options": {"include_usage": True}}
    return [_sent(answer.steps("fake", 7, body)) for answer in made]


def _recorded(folder: Path | None) -> list[bytes]:
    return [file.read_bytes() for file in sorted(folder.glob("*.sse"))] if folder else []


def _sent(steps: Sequence[scripts.Step]) -> bytes:
    return b"".join(step.data for step in steps if isinstance(step, scripts.Send))


async def _all(row: Row, data: Path, numbers: range, seed: int, recorded: list[bytes], file: Path | None) -> list[dict[str, Any]]:
    streams = [*_readable(row), *recorded]
    lines: list[dict[str, Any]] = []
    async with FakeVllm(max_model_len=100_000) as server:
        server.remember = False
        os.environ.update(engine_environment(data, server.url))
        async with opened(row, server.url) as ask:
            wholes = [await _answered(ask, server, stream, ()) for stream in streams]
            for start in range(numbers.start, numbers.stop, _BATCH):
                end = min(start + _BATCH, numbers.stop)
                figures = {"seed": seed, "from": start, "to": end, "cuts": end - start, "changed": 0, "broken": 0}
                for number in range(start, end):
                    chance = random.Random(f"{seed}-{number}")
                    index = chance.randrange(len(streams))
                    text = await _answered(ask, server, streams[index], _offsets(chance, len(streams[index])))
                    figures["changed"] += text != wholes[index]
                    figures["broken"] += text.count("\ufffd") > wholes[index].count("\ufffd")
                record.append(file, "splits", row, figures)
                lines.append(figures)
    return lines


def _readable(row: Row) -> list[bytes]:
    """The floor reads line by line, and so knows nothing of data that takes several."""
    return [body for body in bodies() if row != "raw" or b",\ndata:" not in body]


def _offsets(chance: random.Random, length: int) -> tuple[int, ...]:
    """Few cuts or many, near each other or far."""
    many = chance.choice((1, 3, 20, 200))
    around = chance.randrange(1, max(2, length))
    near = [around + step for step in range(chance.randrange(12))]
    return (*near, *(chance.randrange(1, max(2, length)) for _ in range(many)))


async def _answered(ask: Ask, server: FakeVllm, stream: bytes, offsets: tuple[int, ...]) -> str:
    steps = scripts.Split(offsets)([scripts.Head(), scripts.Send(stream)])
    server.script = Steps(tuple(steps))
    async with asyncio.timeout(30):
        return "".join([text async for text in ask("What does it say?")])

"""A process that measures one row inside itself and prints JSON: `... worker tokens|first ROW URL STREAMS COUNT`."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from contextlib import aclosing
from typing import Any, cast

import uvloop

from benchmarks.engine.rows import Ask, Row, opened


async def tokens(ask: Ask, streams: int, count: int) -> dict[str, Any]:
    """CPU of this process from the first request to the end of all streams, which are open at once."""
    begun, spent = time.perf_counter(), time.process_time()
    lengths = await asyncio.gather(*(_read(ask, number) for number in range(streams)))
    cpu, wall = time.process_time() - spent, time.perf_counter() - begun
    pieces, characters = (sum(column) for column in zip(*lengths, strict=True))
    return {
        "cpu_ms_per_token": cpu * 1000 / (streams * count),
        "wall_s": wall,
        "pieces_per_stream": pieces / streams,
        "characters_per_stream": characters / streams,
    }


async def first(ask: Ask, users: int, count: int) -> dict[str, Any]:
    """Milliseconds from the question to the first text; each user asks `count` times, and reads to the end between."""
    measured = await asyncio.gather(*(_user(ask, user, count) for user in range(users)))
    return {"first_ms": [value for values in measured for value in values]}


async def _read(ask: Ask, number: int) -> tuple[int, int]:
    pieces = characters = 0
    async for text in ask(f"How much does kettle {number} hold?"):
        pieces += 1
        characters += len(text)
    return pieces, characters


async def _user(ask: Ask, user: int, count: int) -> list[float]:
    chance, measured = random.Random(user), list[float]()
    for number in range(count):
        await asyncio.sleep(chance.uniform(0, 0.3))  # people do not ask in step
        begun, seen = time.perf_counter(), False
        async for _ in ask(f"How much does kettle {user}-{number} hold?"):
            if not seen:
                measured.append((time.perf_counter() - begun) * 1000)
                seen = True
    return measured


async def _warm(ask: Ask, streams: int) -> None:
    """Open the connections and import what is imported late."""

    async def some(number: int) -> None:
        async with aclosing(ask(f"Is kettle {number} warm?")) as pieces:
            async for _ in pieces:
                return

    await asyncio.gather(*(some(number) for number in range(streams)))
    await asyncio.sleep(0.2)


async def _main() -> None:
    what, row, url, streams, count = sys.argv[1:]
    async with opened(cast(Row, row), url) as ask:
        await _warm(ask, int(streams))
        measured = await {"tokens": tokens, "first": first}[what](ask, int(streams), int(count))
    json.dump(measured, sys.stdout)


if __name__ == "__main__":
    uvloop.run(_main())  # what `chatbot serve` runs on

"""Several calls of an engine at once: its server decodes them together, which takes little longer than one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 8


async def in_parallel(calls: Sequence[Callable[[], Awaitable[T]]]) -> AsyncGenerator[tuple[int, T]]:
    """Place and result of each call, as they end. The first error ends it; closing it cancels what still runs."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def run(place: int, call: Callable[[], Awaitable[T]]) -> tuple[int, T]:
        async with gate:
            return place, await call()

    running = {asyncio.create_task(run(place, call)) for place, call in enumerate(calls)}
    everything = list(running)
    try:
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                yield each.result()
    finally:
        for each in everything:
            each.cancel()
        await asyncio.gather(*everything, return_exceptions=True)

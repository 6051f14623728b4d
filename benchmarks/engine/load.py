"""The load: `... load SYSTEM URL USERS SECONDS QUESTIONS`; each user asks, reads to the end and asks again. Prints JSON."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from benchmarks.record import percentile

ENOUGH = 100
"""Bytes that an answer of the fake server's has at least."""


async def _main() -> None:
    system, url, users, seconds, file = sys.argv[1:]
    questions: list[str] = json.loads(Path(file).read_text(encoding="utf-8"))
    random.Random(7).shuffle(questions)
    asked = (f"{question} ({number})" for number, question in enumerate(itertools.cycle(questions)))
    walls, errors = list[float](), Counter[str]()
    begun = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(120)) as http:
        until = begun + float(seconds)
        await asyncio.gather(*(_user(http, system, url, asked, until, walls, errors) for _ in range(int(users))))
    measured: dict[str, Any] = {
        "answers": len(walls),
        "answers_per_s": len(walls) / (time.monotonic() - begun),
        "p50_s": statistics.median(walls or [0]),
        "p95_s": percentile(walls or [0], 0.95),
        "errors": errors,
    }
    json.dump(measured, sys.stdout)


async def _user(
    http: aiohttp.ClientSession,
    system: str,
    url: str,
    asked: Iterator[str],
    until: float,
    walls: list[float],
    errors: Counter[str],
) -> None:
    path, more = ("/v1/answers", {"stream": True}) if system == "chatbot" else ("/answers", {})
    while (begun := time.monotonic()) < until:
        try:
            async with http.post(f"{url}{path}", json={"question": next(asked), **more}) as response:
                body = await response.read()
        except aiohttp.ClientError as error:
            errors[type(error).__name__] += 1
            continue
        if wrong := _wrong(system, response.status, body):
            errors[wrong] += 1
            await asyncio.sleep(0.1)
        else:
            walls.append(time.monotonic() - begun)


def _wrong(system: str, status: int, body: bytes) -> str:
    if status != 200:
        return f"status {status}"
    if system == "chatbot" and b'"status":"answered"' not in body:
        return "not answered"
    return "" if len(body) >= ENOUGH else "cut short"


if __name__ == "__main__":
    uvloop.run(_main())

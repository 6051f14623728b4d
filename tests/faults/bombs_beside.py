"""What bombs cost those who chat meanwhile: latency of answers of a real `chatbot serve`, alone and while traps are synced.

python -m tests.faults.bombs_beside [--rounds 5] [--append FILE]

One question at a time, ten in a second at most, which is far below saturation. The traps are refused, so each round reads them
anew and nothing is encoded. Fails where the 95th percentile grows by more than half (median of the rounds).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.faults.traps import TRAPS

QUESTIONS = ["What is nucleus sampling?", "How do I add documents?", "What is a tokenizer?", "What does sync do?"]
_TRAPS = ("shared.xlsx", "picture.pdf")
_ALONE = 60
_PAUSE_S = 0.1
_MOST = 1.5
_START_S = 600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--append", type=Path)
    options = parser.parse_args()
    append: Path | None = options.append.resolve() if options.append else None
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "traps").mkdir()
        for name in _TRAPS:
            (folder / "traps" / name).write_bytes(TRAPS[name]())
        with served(folder) as url, httpx.Client(base_url=url, timeout=60) as client:
            latencies(client, lambda count: count < 20)  # warm
            for _ in range(options.rounds):
                rounds.append(one_round(client, folder))
                print(" | ".join(f"{name} {value:.1f}" for name, value in rounds[-1].items()), flush=True)
    ratio = statistics.median(each["ratio"] for each in rounds)
    print(f"p95 while traps are read / alone: {ratio:.2f} (median of {len(rounds)} rounds)")
    row = {"what": "chat beside traps", "at": datetime.now(UTC).isoformat(timespec="seconds"), "load": os.getloadavg()[0],
           "cores": os.cpu_count(), "traps": _TRAPS, "ratio_p95": round(ratio, 2), "rounds": rounds}  # fmt: skip
    if append:
        with append.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return 0 if ratio <= _MOST else 1


def one_round(client: httpx.Client, folder: Path) -> dict[str, float]:
    alone = latencies(client, lambda count: count < _ALONE)
    sync = subprocess.Popen([sys.executable, "-m", "chatbot", "sync", "traps"], cwd=folder, stdout=subprocess.DEVNULL)
    begun = time.monotonic()
    beside = latencies(client, lambda _: sync.poll() is None)
    return {
        "alone_p50_ms": statistics.median(alone),
        "alone_p95_ms": p95(alone),
        "beside_p50_ms": statistics.median(beside),
        "beside_p95_ms": p95(beside),
        "ratio": p95(beside) / p95(alone),
        "answers_beside": len(beside),
        "sync_s": time.monotonic() - begun,
        "load": os.getloadavg()[0],
    }


def latencies(client: httpx.Client, go_on: Callable[[int], bool]) -> list[float]:
    """Milliseconds of answers, asked while `go_on` of their number says so."""
    took: list[float] = []
    while go_on(len(took)):
        begun = time.perf_counter()
        client.post("/v1/answers", json={"question": QUESTIONS[len(took) % len(QUESTIONS)]}).raise_for_status()
        took.append((time.perf_counter() - begun) * 1000)
        time.sleep(_PAUSE_S)
    return took


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server of the built-in collections, ready; ended with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "CHATBOT_CACHE__MATCH": "off"}  # the same questions are asked again and again
    server = subprocess.Popen(
        [sys.executable, "-m", "chatbot", "serve", "--port", str(port)], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + _START_S
        while not _ready(url):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server does not start")
            time.sleep(0.5)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)


def _ready(url: str) -> bool:
    try:
        return bool(httpx.get(f"{url}/readyz").json()["ready"])
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    raise SystemExit(main())

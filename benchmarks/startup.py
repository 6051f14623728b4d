"""What a start costs: cold to the first answer, warm `ask`, warm `serve`.

    python benchmarks/startup.py [--runs 5]

CPU-seconds are what to compare; wall seconds are printed beside them, with the machine's load.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx
from process import cpu_s, rss_mib, run

QUESTION = "What is nucleus sampling?"
_LOADED = """
import runpy, sys
sys.argv = ["chatbot", "ask", {question!r}]
try:
    runpy.run_module("chatbot", run_name="__main__")
except SystemExit:
    print("LOADED", [name for name in ("torch", "transformers", "sentence_transformers", "gradio") if name in sys.modules])
"""


class Serving(NamedTuple):
    api_cpu_s: float
    api_wall_s: float
    page_cpu_s: float
    page_wall_s: float
    answer_wall_s: float
    rss_mib: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        print(f"load before: {os.getloadavg()[0]:.1f}")
        cold = serve_once(folder)
        print(f"cold serve, empty data directory, to the first answer: {cold.answer_wall_s:.1f} s wall")
        warm = [serve_once(folder) for _ in range(runs)]
        _row("warm serve, API ready, CPU-s", [each.api_cpu_s for each in warm])
        _row("warm serve, API ready, wall s", [each.api_wall_s for each in warm])
        _row("warm serve, page ready, CPU-s in all", [each.page_cpu_s for each in warm])
        _row("warm serve, page ready, wall s", [each.page_wall_s for each in warm])
        _row("warm serve, memory after an answer, MiB", [each.rss_mib for each in warm])
        asked = [run(["-m", "chatbot", "ask", QUESTION], folder) for _ in range(runs)]
        _row("warm ask, whole process, CPU-s", [each.cpu_s for each in asked])
        _row("warm ask, whole process, wall s", [each.wall_s for each in asked])
        _row("warm ask, peak memory, MiB", [each.rss_mib for each in asked])
        loaded = run(["-c", _LOADED.format(question=QUESTION)], folder).output.rpartition("LOADED")[2].strip()
        print(f"heavy modules a warm ask loaded: {loaded}")
        embedded = json.loads(run(["-m", "chatbot", "sync", "--json"], folder).output)["embedded_chunks"]
        print(f"second sync: {embedded} chunks embedded")
        print(f"load after: {os.getloadavg()[0]:.1f}")


def serve_once(folder: Path) -> Serving:
    """Start a server, wait for API and page, ask one question, stop it."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "chatbot", "serve", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = next(line for line in process.stdout if "http://" in line).rpartition(" ")[2].strip()
    try:
        with httpx.Client(base_url=url, timeout=300) as client:
            _wait(client, "ready")
            api_cpu, api_wall = cpu_s(process.pid), time.monotonic() - begun
            answer = client.post("/v1/answers", json={"question": QUESTION}).json()
            assert answer["status"] == "answered", answer
            answer_wall = time.monotonic() - begun
            _wait(client, "page")
            page_cpu, page_wall = cpu_s(process.pid), time.monotonic() - begun
            client.get("/").raise_for_status()
            return Serving(api_cpu, api_wall, page_cpu, page_wall, answer_wall, rss_mib(process.pid))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _wait(client: httpx.Client, what: str) -> None:
    for _ in range(3000):
        if client.get("/readyz").json()[what]:
            return
        time.sleep(0.1)
    raise TimeoutError(f"the server was not {what} in five minutes")


def _row(name: str, values: list[float]) -> None:
    print(f"{name}: median {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()

"""Ends the workers of a Ray cluster that this process has started."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path


class Killer(threading.Thread):
    """Kills one Ray worker of this process after another until told to stop; Ray's own agents would take the node along.

    Between one and the next it waits at most `longest_s`: on a busy machine a worker takes ten seconds to begin.
    """

    def __init__(self, moments: random.Random, most: int, longest_s: float = 20) -> None:
        super().__init__(daemon=True)
        self._moments = moments
        self._most = most
        self._longest_s = longest_s
        self._over = threading.Event()
        self.killed = 0

    def run(self) -> None:
        while self.killed < self._most and not self._over.wait(0.1):
            if _workers() and not self._over.wait(self._moments.uniform(0, self._longest_s)) and (workers := _workers()):
                os.kill(self._moments.choice(workers), signal.SIGKILL)
                self.killed += 1

    def stop(self) -> int:
        self._over.set()
        self.join()
        return self.killed


def _workers() -> list[int]:
    return [pid for pid in descendants(os.getpid()) if named(pid).startswith("ray::") and "MapWorker" in named(pid)]


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            started = [int(child) for child in children.read_text().split()]
        except OSError:
            continue
        for child in started:
            found += [child, *descendants(child)]
    return found


def named(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""

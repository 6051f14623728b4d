"""How far a sync is, on stderr: one line that changes on a terminal, and elsewhere a line now and then."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from chatbot.reports import SyncProgress

_LIVE_S = 0.5
_PLAIN_S = 5.0
_ERASE = "\r\x1b[K"


@contextmanager
def shown(now: Callable[[], SyncProgress], quiet: bool = False) -> Generator[Callable[[], None]]:
    """Show what `now` gives until the end; what it yields erases the line before something else is printed."""
    live, ended, lock = sys.stderr.isatty() and not quiet, threading.Event(), threading.Lock()

    def erase() -> None:
        if live:
            with lock:
                _write(_ERASE)

    def show() -> None:
        while not ended.wait(_LIVE_S if live else _PLAIN_S):
            said = line(now())
            with lock:
                if said and not ended.is_set():  # under the lock, so that nothing is written after the end
                    _write(f"{_ERASE}{said}" if live else f"      ...  {said}\n")

    thread = threading.Thread(target=show, daemon=True)
    if not quiet:
        thread.start()
    try:
        yield erase
    finally:
        ended.set()
        erase()


def line(progress: SyncProgress) -> str:
    """Documents, bytes, rate and time left, as far as each is known; empty before there is a plan."""
    if not progress.total:
        return ""
    parts = [f"{'splitting anew ' if progress.splits_anew else ''}{progress.done:,} of {progress.total:,} documents"]
    if progress.bytes_total:
        parts.append(f"{_size(progress.bytes_done)} of {_size(progress.bytes_total)}")
    if progress.chunks_per_s:
        parts.append(f"{progress.chunks_per_s:.0f} chunks/s")
    if progress.seconds_left is not None:
        parts.append(f"about {_time(progress.seconds_left)} left")
    return ", ".join(parts)


def resplit(progress: SyncProgress) -> str:
    """Documents that were split anew; empty where none had to be."""
    return f"{progress.resplit:,} documents split anew, as the settings of chunks are now" if progress.resplit else ""


def _size(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB" if count >= 2**20 else f"{count / 2**10:,.0f} KiB"


def _time(seconds: float) -> str:
    """To two figures at most: it is an estimate."""
    if seconds < 55:
        return f"{max(5, round(seconds / 5) * 5)} s"
    if seconds < 55 * 60:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600, 1):g} h"


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()

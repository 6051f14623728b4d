"""How a host is asked: by one at a time, with a pause between, and not before it wants to be asked again."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType

from chatbot.errors import FetchFailed

MAX_WAIT_S = 60.0
"""The longest that a fetch waits because a host asks for it."""
_MAX_AWAY_S = 24 * 3600.0
_MAX_HOSTS = 10_000


class Manners:
    """The turns of all hosts."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._turns: dict[str, Turn] = {}
        self._lock = threading.Lock()

    def turn(self, host: str) -> Turn:
        with self._lock:
            if host not in self._turns and len(self._turns) >= _MAX_HOSTS:
                self._turns = {name: turn for name, turn in self._turns.items() if turn.is_awaited}
            return self._turns.setdefault(host, Turn(host, self._pause_s))


class Turn:
    """Held while a host is asked something."""

    def __init__(self, host: str, pause_s: float) -> None:
        self._host = host
        self._pause_s = pause_s
        self._free_at = 0.0
        self._lock = threading.Lock()

    @property
    def is_awaited(self) -> bool:
        """True while somebody holds it, or the host has yet to be left alone."""
        return self._lock.locked() or self._free_at > time.monotonic()

    def put_off(self, seconds: float) -> None:
        """Note that the host wants to be left alone that long."""
        self._free_at = time.monotonic() + min(seconds, _MAX_AWAY_S)

    def __enter__(self) -> None:
        """
        Raises:
            FetchFailed: the host wants to be left alone for longer than anybody waits.
        """
        self._lock.acquire()
        wait = self._free_at - time.monotonic()
        if wait > MAX_WAIT_S:
            self._lock.release()
            raise FetchFailed(f"{self._host} asks to be left alone for another {wait:,.0f} s; try again after that")
        time.sleep(max(0.0, wait))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._free_at = max(self._free_at, time.monotonic() + self._pause_s)
        self._lock.release()


def retry_after(value: str) -> float | None:
    """Seconds that a Retry-After header asks for; nothing where it is none. Source: RFC 9110, section 10.2.3."""
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())

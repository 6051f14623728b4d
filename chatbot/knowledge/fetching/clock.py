"""The deadlines of one fetch. It knows nothing about HTTP."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

from chatbot.errors import FetchFailed
from chatbot.sections import FetchSettings


class Clock:
    """The deadlines of one fetch: of the phase it is in, and of the whole."""

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._total_ends = time.monotonic() + settings.total_s
        self.connecting()

    def connecting(self) -> None:
        self._enter("accept a connection", self._settings.connect_s)

    def asking(self) -> None:
        self._enter("begin to answer", self._settings.first_byte_s)

    def reading(self) -> None:
        self._enter("finish", self._settings.total_s)

    @contextmanager
    def waiting(self, turn: AbstractContextManager[None]) -> Generator[None]:
        """Hold `turn`; the time until it is had does not count."""
        begun = time.monotonic()
        with turn:
            self._total_ends += time.monotonic() - begun
            yield

    def left(self, host: str) -> float:
        """Seconds until the nearest deadline, above 0.

        Raises:
            FetchFailed: it has passed; the message says which one.
        """
        left = min(self._phase_ends, self._total_ends) - time.monotonic()
        if left <= 0:
            raise self.passed(host)
        return left

    def passed(self, host: str) -> FetchFailed:
        """The error that says which deadline passed."""
        what, seconds = self._phase
        if self._total_ends <= self._phase_ends:
            what, seconds = "finish", self._settings.total_s
        return FetchFailed(f"{host} did not {what} within {seconds:g} s; try again later")

    def _enter(self, what: str, seconds: float) -> None:
        self._phase = (what, seconds)
        self._phase_ends = time.monotonic() + seconds

"""The deadlines of one request to an engine's server. It knows nothing about HTTP."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from chatbot.errors import EngineTimedOut
from chatbot.sections import DeadlineSettings


class Clock:
    """The deadlines of one request."""

    def __init__(self, deadlines: DeadlineSettings) -> None:
        self._deadlines = deadlines
        self._begun = time.monotonic()

    def left(self, seconds: float) -> float:
        """What is left of so many seconds since the request began."""
        return seconds - (time.monotonic() - self._begun)

    def limit(self, what: str, seconds: float, left: float) -> _Limit:
        """Bounds what is awaited inside by what is `left` of a deadline of so many seconds, and of the total.

        Raises:
            EngineTimedOut: on entering or leaving; names the deadline that passed.
        """
        total = self.left(self._deadlines.total_s)
        if total < left:
            what, seconds, left = "finish the answer", self._deadlines.total_s, total
        return _Limit(left, f"the vLLM server did not {what} within {seconds:g} s; ask again or raise the deadline")


class _Limit:
    """A class, for it is entered once a read: a generator's context manager takes three times as long."""

    def __init__(self, seconds: float, message: str) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)
        self._message = message

    async def __aenter__(self) -> None:
        if self._seconds <= 0:  # a timeout ends only what waits, and of a quick server something is always there to be read
            raise EngineTimedOut(self._message)
        await self._timeout.__aenter__()

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await self._timeout.__aexit__(*raised)
        except TimeoutError as error:
            raise EngineTimedOut(self._message) from error

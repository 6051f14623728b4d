"""Shows an answer as it grows, at a pace that a page can follow, and stops it. It knows nothing about HTML or Gradio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

from chatbot.apps.turn import Turn, advance, stop


class PacedTurns:
    """Folds events into a turn and shows it at most every `interval_s`, a new phase at once."""

    def __init__(
        self,
        events: AsyncGenerator[Any],
        interval_s: float,
        fold: Callable[[Any, Any], Turn] = advance,
        begin: Turn = Turn(),  # noqa: B008  a frozen value
    ) -> None:
        """`fold` makes of a turn and an event the next turn, `begin` is the first."""
        self._events = events
        self._interval_s = interval_s
        self._advance = fold
        self._turn = begin
        self._changed, self._urgent = asyncio.Event(), asyncio.Event()
        # a task of its own: events are read, and closed, in one task, whatever the reader of the turns does
        self._folding = asyncio.create_task(self._fold())

    async def turns(self) -> AsyncGenerator[Turn]:
        """The turn as it grows; raises what the events raise, and closes them, also when closed itself."""
        seen = None
        try:
            while not self._folding.done() or self._turn is not seen:
                await self._changed.wait()
                self._changed.clear()
                self._urgent.clear()
                if self._turn is not seen:
                    seen = self._turn
                    yield seen
                if seen and not seen.busy:
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._urgent.wait(), self._interval_s)
            if self._turn.phase != "stopped":
                await self._folding
        finally:
            self._folding.cancel()
            await asyncio.gather(self._folding, return_exceptions=True)

    def stop(self) -> None:
        """Close the events; the turn as it stands becomes the last one."""
        if self._folding.cancel():
            self._turn = stop(self._turn)
            self._changed.set()
            self._urgent.set()

    async def _fold(self) -> None:
        try:
            async with contextlib.aclosing(self._events):
                async for event in self._events:
                    before, self._turn = self._turn, self._advance(self._turn, event)
                    self._changed.set()
                    if self._turn.busy and self._turn.phase != before.phase:
                        self._urgent.set()
        finally:
            self._changed.set()

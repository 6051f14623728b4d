"""screen: every sentence passes the checks before it is shown. The chain is empty until the filters come."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from chatbot.schema import Citation, Delta, Sentence, Stop, Verdict

Check = Callable[[Sentence], Awaitable[Verdict]]
"""Judges one sentence; its action decides whether the sentence is released."""

_RELEASED = {"allow", "mark"}


async def screen(
    stream: AsyncGenerator[Delta | Sentence | Citation | Verdict | Stop], checks: Sequence[Check]
) -> AsyncGenerator[Delta | Citation | Verdict | Stop]:
    """Without checks deltas pass through; with checks the unit of display is the judged sentence."""
    released = True
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, Sentence):
                verdicts = [await check(item) for check in checks]
                released = all(verdict.action in _RELEASED for verdict in verdicts)
                if checks and released:
                    yield Delta(text=item.text)
                for verdict in verdicts:
                    yield verdict
            elif _passes(item, released, bool(checks)):
                yield item


def _passes(item: Delta | Citation | Verdict | Stop, released: bool, checked: bool) -> bool:
    """With checks a delta comes with its sentence; what is said of a sentence comes only if the sentence did."""
    if isinstance(item, Delta):
        return not checked
    return released or isinstance(item, Stop)

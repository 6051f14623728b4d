"""The steps of a task whose result is a text that the engine writes in one go."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatbot.schema import DeltaReleased
from chatbot.tasks.task import Outcome, Step


async def written(stream: AsyncGenerator[str]) -> AsyncGenerator[Step]:
    """Each piece as it comes, then all of them."""
    pieces: list[str] = []
    async with aclosing(stream):
        async for piece in stream:
            pieces.append(piece)
            yield DeltaReleased(text=piece)
    yield Outcome("".join(pieces).strip(), is_markdown=True)


async def trimmed(stream: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """The pieces without the white space at both ends of the whole."""
    begun, held = False, ""
    async with aclosing(stream):
        async for piece in stream:
            text = held + piece if begun else piece.lstrip()
            kept = text.rstrip()
            begun, held = begun or bool(kept), text[len(kept) :]
            if kept:
                yield kept

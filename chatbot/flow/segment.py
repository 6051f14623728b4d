"""segment: find where sentences end while the text arrives."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatbot import sentences
from chatbot.schema import Delta, Sentence, Stop


async def segment(stream: AsyncGenerator[Delta | Stop]) -> AsyncGenerator[Delta | Sentence | Stop]:
    """Pass deltas on at once; add each sentence, with the white space behind it, as soon as it can grow no more.

    The sentences' texts joined are the deltas' texts joined.
    """
    pending, index = "", 0
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, Delta):
                yield item
                pending += item.text
                done = sentences.complete_until(pending)
                complete, pending = pending[:done], pending[done:]
            else:
                complete, pending = pending, ""
            for text in _with_white_space(complete):
                yield Sentence(text=text, index=index)
                index += 1
            if isinstance(item, Stop):
                yield item


def _with_white_space(text: str) -> list[str]:
    spans = sentences.split(text)
    starts = [0, *(start for start, _ in spans[1:]), len(text)]
    return [text[a:b] for a, b in zip(starts, starts[1:], strict=False) if text[a:b]]

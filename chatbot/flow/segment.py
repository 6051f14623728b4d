"""segment: find where sentences end while the text arrives."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatbot.arriving import Arriving
from chatbot.schema import Delta, Sentence, Stop


async def segment(stream: AsyncGenerator[Delta | Stop]) -> AsyncGenerator[Delta | Sentence | Stop]:
    """Pass text on, a little behind; add each sentence, with the white space behind it, as soon as it can grow no more.

    A delta is either code or not, never holds part of a marker, and never reaches beyond its sentence: what has come of the next
    one follows the sentence. The sentences' texts joined are the deltas' texts joined.
    """
    arriving, said, index = Arriving(), list[str](), 0
    async with aclosing(stream):
        async for item in stream:
            for text, is_code, ends in arriving.feed(item.text) if isinstance(item, Delta) else arriving.finish():
                if text:
                    yield Delta(text=text, is_code=True) if is_code else Delta(text=text)
                    said.append(text)
                if ends:
                    yield Sentence(text="".join(said), index=index)
                    said, index = [], index + 1
            if isinstance(item, Stop):
                if said:
                    yield Sentence(text="".join(said), index=index)
                yield item

"""decline: an engine that answers with the agreed word alone has abstained."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatbot.schema import Delta, Stop


async def decline(stream: AsyncGenerator[Delta | Stop], word: str) -> AsyncGenerator[Delta | Stop]:
    """Hold text back while it may still become `word`; if that is all there is, the stop says "abstained"."""
    held = ""
    undecided = True
    async with aclosing(stream):
        async for item in stream:
            if not undecided:
                yield item
            elif isinstance(item, Delta):
                held += item.text
                undecided = word.startswith(_bare(held)) or _bare(held) == word
                if not undecided:
                    yield Delta(text=held)
            elif _bare(held) == word:
                yield item.model_copy(update={"finish_reason": "abstained"})
            else:
                if held:
                    yield Delta(text=held)
                yield item


def _bare(text: str) -> str:
    """Without what models put around a word they were told to say."""
    return text.strip(" \t\r\n\"'*.`")

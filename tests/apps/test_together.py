"""together: the same text in fewer pieces, at once, and closed as soon as its reader is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from fakes import stream_of

from chatbot.apps.together import together


async def test_what_comes_at_one_time_is_one_piece() -> None:
    assert [text async for text in together(stream_of(["a", "b", "c"]))] == ["abc"]


async def test_nothing_waits_for_company() -> None:
    more = asyncio.Event()

    async def pieces() -> AsyncGenerator[str]:
        yield "a"
        yield "b"
        await more.wait()
        yield "c"

    stream = together(pieces())
    assert await anext(stream) == "ab"
    more.set()
    assert [text async for text in stream] == ["c"]


async def test_an_error_comes_behind_what_was_said_before_it() -> None:
    async def pieces() -> AsyncGenerator[str]:
        yield "a"
        raise ValueError("broken")

    stream = together(pieces())
    assert await anext(stream) == "a"
    with pytest.raises(ValueError, match="broken"):
        await anext(stream)


async def test_closing_it_closes_the_source() -> None:
    closed: list[bool] = []

    async def pieces() -> AsyncGenerator[str]:
        try:
            yield "a"
            await asyncio.sleep(60)
            yield "b"
        finally:
            closed.append(True)

    stream = together(pieces())
    await anext(stream)
    await stream.aclose()

    assert closed == [True]


async def test_nothing_is_no_piece() -> None:
    assert [text async for text in together(stream_of([]))] == []

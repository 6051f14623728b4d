"""pacing: a turn is shown at most every so often, at once where the phase is new, and can be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from fakes import passage, stream_of

from chatbot.apps.pacing import PacedTurns
from chatbot.apps.turn import Turn
from chatbot.schema import Answer, AnswerEvent, Completed, DeltaReleased, Manifest, Retrieved

MANIFEST = Manifest(engine="e", encoder="n", generation=1, prompts={}, chunks=(), timings_ms={})


async def test_the_first_words_come_at_once_and_the_rest_in_one_picture() -> None:
    events = [Retrieved(passages=(passage("A pot is made of clay."),)), *(DeltaReleased(text=f"{n} ") for n in range(50))]

    async def arriving() -> AsyncGenerator[AnswerEvent]:
        for event in events:
            yield event
            await asyncio.sleep(0)
        yield Completed(answer=Answer(id="1", text="all", status="answered", manifest=MANIFEST))

    turns = [turn async for turn in PacedTurns(arriving(), 0.05).turns()]

    assert len(turns) <= 4
    assert [turn.phase for turn in turns][-2:] == ["answering", "answered"]


async def test_what_the_events_raise_is_raised_after_what_they_gave() -> None:
    async def failing() -> AsyncGenerator[AnswerEvent]:
        yield DeltaReleased(text="Pots")
        raise LookupError("gone")

    turns = PacedTurns(failing(), 0.01).turns()

    assert (await anext(turns)).raw == "Pots"
    with pytest.raises(LookupError):
        await anext(turns)


async def _endless(closed: asyncio.Event) -> AsyncGenerator[AnswerEvent]:
    try:
        while True:
            yield DeltaReleased(text="on and ")
            await asyncio.sleep(0.001)
    finally:
        closed.set()


async def test_a_stop_closes_the_events_and_is_the_last_turn() -> None:
    closed, seen = asyncio.Event(), list[Turn]()
    paced = PacedTurns(_endless(closed), 0.01)
    async for turn in paced.turns():
        seen.append(turn)
        if len(seen) == 3:
            paced.stop()

    assert closed.is_set()
    assert [turn.phase for turn in seen] == ["answering", "answering", "answering", "stopped"]
    assert seen[-1].raw.startswith(seen[-2].raw)


async def test_a_stop_before_the_first_event_ends_at_once() -> None:
    paced = PacedTurns(stream_of([DeltaReleased(text="Pots")]), 60)
    paced.stop()

    assert [turn.phase async for turn in paced.turns()] == ["stopped"]


async def test_closing_the_turns_closes_the_events() -> None:
    closed = asyncio.Event()
    turns = PacedTurns(_endless(closed), 0.01).turns()
    await anext(turns)
    await turns.aclose()

    assert closed.is_set()

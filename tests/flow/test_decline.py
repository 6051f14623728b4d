"""decline: the agreed word alone is an abstention; anything else is an answer, not a character of it lost."""

from __future__ import annotations

import itertools

import pytest
from fakes import stream_of

from chatbot.flow.decline import decline
from chatbot.schema import Delta, Stop

WORD = "NO ANSWER"


async def _declined(*pieces: str) -> tuple[str, str]:
    items = [item async for item in decline(stream_of([*(Delta(text=piece) for piece in pieces), Stop()]), WORD)]
    *deltas, stop = items
    assert isinstance(stop, Stop)
    return "".join(item.text for item in deltas if isinstance(item, Delta)), stop.finish_reason


@pytest.mark.parametrize("said", ["NO ANSWER", "NO ANSWER.", " **NO ANSWER**\n", '"NO ANSWER"'])
async def test_the_word_alone_is_an_abstention_however_it_is_cut(said: str) -> None:
    for a, b in itertools.combinations(range(len(said) + 1), 2):
        assert await _declined(said[:a], said[a:b], said[b:]) == ("", "abstained")


@pytest.mark.parametrize("said", ["NO", "No answer is known. [1]", "NO ANSWER is given [1].", "The kettle. [1]", ""])
async def test_anything_else_passes_whole(said: str) -> None:
    for a, b in itertools.combinations(range(len(said) + 1), 2):
        assert await _declined(said[:a], said[a:b], said[b:]) == (said, "stop")


async def test_an_answer_is_not_held_back_longer_than_it_could_be_the_word() -> None:
    stream = decline(stream_of([Delta(text="N"), Delta(text="ow"), Delta(text=" then"), Stop()]), WORD)

    assert await anext(stream) == Delta(text="Now")


async def test_closing_it_closes_the_engine() -> None:
    closed: list[bool] = []
    stream = decline(stream_of([Delta(text="Yes"), Delta(text=" it"), Stop()], lambda: closed.append(True)), WORD)
    await anext(stream)

    await stream.aclose()

    assert closed

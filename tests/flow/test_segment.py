"""segment: sentences leave as soon as they can grow no more, and nothing is lost however the text is cut."""

from __future__ import annotations

import random
import re

import pytest
from fakes import stream_of

from chatbot.flow.segment import segment
from chatbot.schema import Delta, Sentence, Stop

TEXTS = [
    "The kettle is blue. [1] It holds 3.5 litres [2]. Dr. Smith et al. 2017 say so!",
    "A list:\n\n- one thing\n- another thing\n- a third\n\n1. first\n2. second\n\nThe end",
    "A list:\n\n- one thing [1]\n- another thing [2]",
    "“Really?” she asked. [12] “No.” [3] [4] And then…  Nothing.\n\n\n Next paragraph.",
    "模型是什么？它是一个函数。 Then English. J. Smith said e.g. this vs. that.",
    "   leading space. trailing space.   ",
    "no end at all",
    "?!... [1]\n[2]",
    "See fig. 3 and eq. 4. Version 1.2.3 is out. Costs $5.00. Ok",
]


async def _whole(text: str) -> list[str]:
    return [_bare(item.text) for item in await _segmented(text, []) if isinstance(item, Sentence)]


async def _by_character(text: str) -> list[str]:
    return [_bare(item.text) for item in await _segmented(text, list(range(1, len(text)))) if isinstance(item, Sentence)]


def _bare(sentence: str) -> str:
    """Without white space and list bullets, which may stand on either side of a boundary."""
    return re.sub(r"^(?:[-*•]|\d[.)])\s+|\s+(?:[-*•]|\d[.)])\s*$", "", sentence).strip()


async def _segmented(text: str, cuts: list[int]) -> list[Delta | Sentence | Stop]:
    edges = [0, *cuts, len(text)]
    deltas = [Delta(text=text[a:b]) for a, b in zip(edges, edges[1:], strict=False) if a < b]
    return [item async for item in segment(stream_of([*deltas, Stop()]))]


@pytest.mark.parametrize("text", TEXTS)
async def test_sentences_joined_are_the_deltas_joined_for_any_cutting(text: str) -> None:
    chance = random.Random(text)
    for _ in range(40):
        cuts = sorted(chance.sample(range(1, len(text)), chance.randint(0, len(text) - 1)))
        items = await _segmented(text, cuts)
        said = [item for item in items if isinstance(item, Sentence)]

        assert "".join(item.text for item in items if isinstance(item, Delta)) == text
        assert "".join(item.text for item in said) == text
        assert [item.index for item in said] == list(range(len(said)))


@pytest.mark.parametrize("text", [text for text in TEXTS if "[" not in text])
async def test_the_same_sentences_come_out_however_the_text_is_cut(text: str) -> None:
    assert await _by_character(text) == await _whole(text)


@pytest.mark.parametrize("text", ["It is blue. [1] It is tall. [2] [3] So.", "“Really?” she asked. [12] “No.”", "?!... [1]\n[2]"])
async def test_a_marker_that_arrives_in_pieces_stays_with_its_sentence(text: str) -> None:
    assert await _by_character(text) == await _whole(text)


async def test_no_delta_reaches_beyond_its_sentence() -> None:
    items = [item async for item in segment(stream_of([Delta(text="One. "), Delta(text="Two."), Stop()]))]

    assert items == [
        Delta(text="One. "),
        Sentence(text="One. ", index=0),
        Delta(text="Two."),
        Sentence(text="Two.", index=1),
        Stop(),
    ]


async def test_a_number_is_not_cut_in_two() -> None:
    items = [item async for item in segment(stream_of([Delta(text="It is 3."), Delta(text="5 litres. Yes."), Stop()]))]

    assert [item.text for item in items if isinstance(item, Sentence)] == ["It is 3.5 litres. ", "Yes."]


async def test_a_marker_that_comes_late_stays_with_its_sentence() -> None:
    items = [item async for item in segment(stream_of([Delta(text="It is blue."), Delta(text=" [1] So."), Stop()]))]

    assert [item.text for item in items if isinstance(item, Sentence)] == ["It is blue. [1] ", "So."]


async def test_closing_it_closes_what_it_reads() -> None:
    closed: list[bool] = []
    stream = segment(stream_of([Delta(text="One. "), Delta(text="Two. ")], lambda: closed.append(True)))
    await anext(stream)

    await stream.aclose()

    assert closed == [True]

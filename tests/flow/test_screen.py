"""screen: nothing of a withheld sentence is shown; without checks nothing is held."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import passage, stream_of

from chatbot.flow.cite import cite
from chatbot.flow.screen import screen
from chatbot.flow.segment import segment
from chatbot.schema import Citation, Delta, Sentence, Stop, Verdict

PASSAGES = [passage("The kettle is blue.", 1), passage("The secret is out.", 2)]


def _check(word: str, action: str) -> Any:
    async def check(sentence: Sentence) -> Verdict:
        found = word in sentence.text
        return Verdict(
            filter="fake",
            sentence=sentence.index,
            grade="certain" if found else "fine",
            action=action if found else "allow",  # pyright: ignore[reportArgumentType]
            category="test",
            score=1.0 if found else 0.0,
            threshold=0.5,
            span=(0, len(sentence.text)),
            evidence="",
            reason=f"it says {word}" if found else "",
        )

    return check


async def _screened(checks: list[Any], *deltas: str) -> list[Any]:
    stream = cite(segment(stream_of([*(Delta(text=text) for text in deltas), Stop()])), PASSAGES)
    return [item async for item in screen(stream, checks)]


def _text(items: list[Any]) -> str:
    return "".join(item.text for item in items if isinstance(item, Delta))


async def test_with_an_empty_chain_deltas_pass_through_as_they_are() -> None:
    deltas = [Delta(text=text) for text in ("The ket", "tle is ", "blue. [1]", " Yes.")]

    items = [item async for item in screen(stream_of([*deltas, Sentence(text="The kettle is blue. [1] ", index=0), Stop()]), [])]

    assert items == [*deltas, Stop()]


@pytest.mark.parametrize("action", ["withhold", "block", "redact", "replace"])
async def test_nothing_of_a_sentence_that_is_not_allowed_is_released(action: str) -> None:
    items = await _screened([_check("secret", action)], "It is blue. [1] The sec", "ret is out. [2] It", " is tall. [1]")

    assert _text(items) == "It is blue. [1] It is tall. [1]"
    assert [item.source for item in items if isinstance(item, Citation)] == ["1.md", "1.md"]


async def test_a_marked_sentence_is_shown_with_its_verdict() -> None:
    items = await _screened([_check("secret", "mark")], "The secret is out. [2]")

    assert _text(items) == "The secret is out. [1]"
    assert [item.action for item in items if isinstance(item, Verdict)] == ["mark"]


async def test_every_check_judges_every_sentence_and_one_objection_is_enough() -> None:
    items = await _screened([_check("blue", "allow"), _check("secret", "withhold")], "It is blue. The secret is out.")

    assert _text(items) == "It is blue. "
    assert len([item for item in items if isinstance(item, Verdict)]) == 4


async def test_a_sentence_is_released_once_and_whole() -> None:
    items = await _screened([_check("secret", "withhold")], "It ", "is ", "blue", ". ", "It is tall.")

    assert [item.text for item in items if isinstance(item, Delta)] == ["It is blue. ", "It is tall."]


async def test_the_stop_always_passes() -> None:
    assert isinstance((await _screened([_check("a", "block")], "a"))[-1], Stop)


async def test_closing_it_closes_what_it_reads() -> None:
    closed: list[bool] = []
    stream = screen(stream_of([Delta(text="One. "), Delta(text="Two. ")], lambda: closed.append(True)), [])
    await anext(stream)

    await stream.aclose()

    assert closed == [True]

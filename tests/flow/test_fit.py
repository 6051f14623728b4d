"""fit: what is left out, in which order, counted by the model's own tokens."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fakes import passage
from langchain_core.messages import BaseMessage

from chatbot import prompts
from chatbot.bootstrap import shipped
from chatbot.engines.parts import Context
from chatbot.errors import PromptTooLong
from chatbot.flow.compose import Cut, EngineRequest, compose, past_turns
from chatbot.flow.fit import fit
from chatbot.sampling import Sampling
from chatbot.schema import Message, Query

PROMPTS = prompts.load([shipped("prompts")])
PASSAGES = [passage(f"passage{rank} " * 50, rank) for rank in range(1, 5)]
HISTORY = tuple(
    Message(role=role, content=f"{role}{turn} " * 50)  # pyright: ignore[reportArgumentType]
    for turn in range(1, 6)
    for role in ("user", "assistant")
)
QUERY = Query(text="and the question", history=HISTORY)


class _Words:
    """A window that takes a word for a token."""

    def __init__(self, tokens: int, answer_tokens: int = 0) -> None:
        self._context = Context(tokens, answer_tokens)
        self.counted = 0

    async def context(self) -> Context:
        return self._context

    async def count(self, messages: Sequence[BaseMessage]) -> int:
        self.counted += 1
        return _words(messages)


def _words(messages: Sequence[BaseMessage] | Sequence[Message]) -> int:
    return sum(len((message.content if isinstance(message, Message) else message.text).split()) for message in messages)


async def _fitted(window: _Words | None, query: Query = QUERY, sampling: Sampling = Sampling()) -> EngineRequest:  # noqa: B008
    def composed(cut: Cut) -> EngineRequest:
        return compose(query, PASSAGES, {}, PROMPTS, cut)

    return await fit(composed, len(PASSAGES), past_turns(query), window, sampling)


async def _kept(tokens: int) -> tuple[list[str], list[str]]:
    request = await _fitted(_Words(tokens))
    assert _words(request.messages) <= tokens
    assert request.messages[-1].content.endswith("and the question")
    return [each.chunk.text.split()[0] for each in request.passages], [
        message.content.split()[-1] for message in request.messages[1:-1]
    ]


WHOLE = sum(len(text.split()) for text in (PROMPTS["answer"].system,)) + 4 * 54 + 10 * 50 + 8
TURNS = [f"{role}{turn}" for turn in range(1, 6) for role in ("user", "assistant")]


async def test_what_fits_is_left_whole() -> None:
    assert await _kept(10_000) == ([f"passage{rank}" for rank in range(1, 5)], TURNS)


async def test_the_order_of_leaving_out_is_lowest_ranks_then_oldest_turns_then_the_best_passage() -> None:
    seen: list[tuple[int, int]] = []
    for tokens in range(1000, 60, -5):
        try:
            found, turns = await _kept(tokens)
        except PromptTooLong:
            break
        assert found == [f"passage{rank}" for rank in range(1, len(found) + 1)]
        assert turns == TURNS[len(TURNS) - len(turns) :]
        if (len(found), len(turns) // 2) not in seen:
            seen.append((len(found), len(turns) // 2))

    assert seen == [(4, 5), (3, 5), (2, 5), (1, 5), (1, 3), (1, 1), (1, 0), (0, 0)]


async def test_the_question_is_never_left_out_and_both_numbers_are_said() -> None:
    query = Query(text="long " * 300)

    with pytest.raises(PromptTooLong, match=r"has \d+ tokens.*room for 200"):
        await _fitted(_Words(250, 50), query)


async def test_the_answer_has_its_room() -> None:
    request = await _fitted(_Words(600, 100))

    assert _words(request.messages) <= 500
    assert request.sampling.max_tokens == 100


async def test_an_answer_may_ask_for_more_room_up_to_half_of_the_context() -> None:
    assert (await _fitted(_Words(1000, 100), sampling=Sampling(max_tokens=300))).sampling.max_tokens == 300
    assert (await _fitted(_Words(1000, 100), sampling=Sampling(max_tokens=9999))).sampling.max_tokens == 500


async def test_a_prompt_that_cannot_be_too_long_is_not_counted() -> None:
    window = _Words(100_000, 1000)

    await _fitted(window)

    assert window.counted == 0


async def test_counting_takes_few_requests() -> None:
    window = _Words(400)

    await _fitted(window)

    assert window.counted <= 4


async def test_an_engine_that_cannot_count_gets_everything() -> None:
    assert len((await _fitted(None)).passages) == 4

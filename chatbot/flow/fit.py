"""fit: leave out what the model has no room for, by counting with the model's own tokenizer.

The order, always the same: this question's passages from the lowest rank, down to the best one; then the oldest turns, two at a
time, each with the passages it brought; then the best passage; never the question. Two at a time, because each cut moves all
that follows and the server's prefix cache has to begin anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.messages import BaseMessage

from chatbot.engines.parts import Context, Window
from chatbot.errors import PromptTooLong
from chatbot.flow.compose import Cut, EngineRequest
from chatbot.flow.messages import langchain_messages
from chatbot.sampling import Sampling

_TURNS_AT_ONCE = 2
_TEMPLATE_BYTES = 64
"""More than any chat template in use puts around a message."""


async def fit(
    compose: Callable[[Cut], EngineRequest], passages: int, turns: int, window: Window | None, sampling: Sampling
) -> EngineRequest:
    """The fullest request that fits, with room for the answer; max_tokens says how much room that is.

    Raises:
        PromptTooLong: the question alone does not fit.
        ChatbotError: the engine's server cannot count.
    """
    if window is None:
        return compose(Cut()).model_copy(update={"sampling": sampling})
    context = await window.context()
    answer = answer_tokens(sampling, context)
    room = context.tokens - answer
    cuts = _cuts(passages, turns)
    fitted = await _fullest(compose, cuts, room, window)
    if fitted is None:
        length = await window.count(langchain_messages(compose(cuts[-1]).messages))
        raise PromptTooLong(
            f"the question has {length:,} tokens with its prompt, and the model has room for {room:,} "
            f"(a context of {context.tokens:,} less {answer:,} for the answer); ask a shorter one"
        )
    return fitted.model_copy(update={"sampling": sampling.model_copy(update={"max_tokens": answer})})


def answer_tokens(sampling: Sampling, context: Context) -> int:
    """Room for the answer: what was asked for, as long as half of the context is left for the prompt."""
    return min(sampling.max_tokens or context.answer_tokens, context.tokens // 2)


def _cuts(passages: int, turns: int) -> list[Cut]:
    """From nothing to everything but the question."""
    most = max(0, passages - 1)
    cuts = [Cut(passages=count) for count in range(most + 1)]
    cuts += [Cut(most, min(count, turns)) for count in range(_TURNS_AT_ONCE, turns + _TURNS_AT_ONCE, _TURNS_AT_ONCE)]
    return cuts + ([Cut(passages, turns)] if passages else [])


async def _fullest(
    compose: Callable[[Cut], EngineRequest], cuts: Sequence[Cut], room: int, window: Window
) -> EngineRequest | None:
    """The first request that fits, found by halving, for each is shorter than the one before; None if none does."""
    low, high, fitting = 0, len(cuts), None
    middle = 0  # the fullest is tried first: it nearly always fits
    while low < high:
        request = compose(cuts[middle])
        if await fits(langchain_messages(request.messages), room, window):
            high, fitting = middle, request
        else:
            low = middle + 1
        middle = (low + high) // 2
    return fitting


async def fits(messages: Sequence[BaseMessage], room: int, window: Window) -> bool:
    """True if a prompt has no more than `room` tokens.

    Counts only where it has to: a token is a byte or more of the text in every tokenizer that decoder models use.
    """
    if sum(len(message.text.encode()) + _TEMPLATE_BYTES for message in messages) <= room:
        return True
    return await window.count(messages) <= room

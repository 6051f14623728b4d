"""How much of a text a model's context has room for, beside the prompt of a task and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chatbot.engines.parts import Window
from chatbot.errors import PromptTooLong
from chatbot.flow.fit import answer_tokens, fits
from chatbot.flow.messages import langchain_messages
from chatbot.sampling import Sampling
from chatbot.schema import Message

_CHARACTERS_A_TOKEN = 16
"""No prompt has more on average; a vLLM server refuses such a one uncounted."""


class Room(NamedTuple):
    """Of one call of the engine."""

    window: Window
    context: int
    """Tokens in all."""
    answer: int
    """Tokens kept for the answer."""

    async def holds(self, messages: Sequence[Message], answer: int | None = None) -> bool:
        """True if the prompt leaves so much for the answer. What is plain without counting is not counted."""
        room = self.context - (self.answer if answer is None else answer)
        if sum(len(message.content) for message in messages) > room * _CHARACTERS_A_TOKEN:
            return False
        return await fits(langchain_messages(messages), room, self.window)

    async def measure(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt."""
        return await self.window.count(langchain_messages(messages))

    async def check(self, messages: Sequence[Message]) -> None:
        """
        Raises:
            PromptTooLong: the prompt does not fit.
        """
        if not await self.holds(messages):
            length, room = await self.measure(messages), self.context - self.answer
            raise PromptTooLong(
                f"the text has {length:,} tokens with the task's prompt, and the model has room for {room:,} "
                f"(a context of {self.context:,} less {self.answer:,} for the answer); shorten it, or summarize it first"
            )


async def room_for(window: Window | None, sampling: Sampling, at_most: int | None = None) -> Room | None:
    """The room of a call whose answer needs `at_most` so many tokens; None where nothing can be counted."""
    if window is None:
        return None
    context = await window.context()
    answer = answer_tokens(sampling, context)
    return Room(window, context.tokens, min(answer, at_most or answer))

"""chat: the model without documents, and marked as such."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from pydantic import Field

from chatbot.schema import Message
from chatbot.tasks.inputs import Inputs, from_json
from chatbot.tasks.task import Step, Task
from chatbot.tasks.work import Work
from chatbot.tasks.written import written

_TURN = 2
"""Messages: what was asked and what was said."""


class ChatInputs(Inputs):
    text: str = Field(description="What you want to say.", min_length=1)
    history: Annotated[tuple[Message, ...], from_json] = Field(
        (), max_length=100, description="Earlier messages, oldest first, each with role and content."
    )


async def run(inputs: ChatInputs, work: Work) -> AsyncGenerator[Step]:
    """Say something back; the oldest turns are left out where the model has no room for them."""
    system, said = work.prompt("chat"), Message(role="user", content=inputs.text)
    history, room = inputs.history, await work.room()
    while room and history and not await room.holds([*system, *history, said]):
        history = history[_TURN:]
    async with aclosing(written(work.write([*system, *history, said]))) as steps:
        async for step in steps:
            yield step


TASK = Task(
    name="chat",
    title="Chat without documents",
    description="Talks with the model alone. Nothing it says is backed by your documents.",
    inputs=ChatInputs,
    main="text",
    example={"text": "Suggest a name for a bakery."},
    prompts=("chat",),
    run=run,
)

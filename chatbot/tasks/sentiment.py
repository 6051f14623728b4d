"""sentiment: the attitude that a text expresses."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal

from pydantic import Field

from chatbot import markers
from chatbot.schema import Value
from chatbot.tasks.inputs import Inputs
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work


class SentimentInputs(Inputs):
    text: str = Field(description="The text to judge.", min_length=1)


class Sentiment(Value):
    reason: str = Field(max_length=300)
    """Written before the label, which then follows from it."""
    label: Literal["positive", "negative", "neutral", "mixed"]


async def run(inputs: SentimentInputs, work: Work) -> AsyncGenerator[Step]:
    """One call, decoded by the schema."""
    found = await work.decode(Sentiment, work.prompt("sentiment", text=inputs.text))
    yield Outcome(f"{found.label.capitalize()}. {markers.literal(found.reason.strip())}", found)


TASK = Task(
    name="sentiment",
    title="Judge the sentiment",
    description="Says whether a text is positive, negative, neutral or mixed, and why.",
    inputs=SentimentInputs,
    main="text",
    output=Sentiment,
    example={"text": "The room was clean and the staff were kind, but the street kept us awake all night."},
    prompts=("sentiment",),
    run=run,
)

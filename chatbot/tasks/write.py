"""write: a text of a given kind from a brief."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal

from pydantic import Field

from chatbot.tasks.inputs import Inputs
from chatbot.tasks.task import Step, Task
from chatbot.tasks.work import Work
from chatbot.tasks.written import written

Kind = Literal["email", "letter", "article", "report", "product description", "announcement", "social media post", "speech"]
Tone = Literal["neutral", "friendly", "formal", "enthusiastic", "apologetic"]


class WriteInputs(Inputs):
    brief: str = Field(description="What the text has to say, and to whom.", min_length=1)
    kind: Kind = Field("email", description="What kind of text.")
    tone: Tone = Field("neutral", description="How it sounds.")
    words: int = Field(200, ge=20, le=2000, description="About how long, in words.")


def run(inputs: WriteInputs, work: Work) -> AsyncGenerator[Step]:
    """One call."""
    messages = work.prompt("write", kind=inputs.kind, tone=inputs.tone, words=str(inputs.words), brief=inputs.brief)
    return written(work.write(messages))


TASK = Task(
    name="write",
    title="Write a text",
    description="Writes an email, an article, a product description or another text from a brief.",
    inputs=WriteInputs,
    main="brief",
    example={"brief": "Tell the team that the server moves on Friday at 18:00 and is away for two hours.", "tone": "friendly"},
    prompts=("write",),
    run=run,
)

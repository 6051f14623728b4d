"""complete: the text goes on where it ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pydantic import Field

from chatbot.tasks.inputs import Inputs
from chatbot.tasks.task import Step, Task
from chatbot.tasks.work import Work
from chatbot.tasks.written import written


class CompleteInputs(Inputs):
    text: str = Field(description="The text to continue.", min_length=1)


def run(inputs: CompleteInputs, work: Work) -> AsyncGenerator[Step]:
    """The continuation alone. Where the engine can begin its answer with the text, it does, and sees no end of a message."""
    begun = work.parts.engine.continues
    return written(work.write(work.prompt("complete_begun" if begun else "complete", text=inputs.text), continued=begun))


TASK = Task(
    name="complete",
    title="Continue a text",
    description="Goes on where your text ends; gives the continuation alone.",
    inputs=CompleteInputs,
    main="text",
    example={"text": "The three most common reasons for a failed backup are"},
    prompts=("complete", "complete_begun"),
    run=run,
)

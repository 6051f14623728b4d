"""explain-code: what a piece of code does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal

from pydantic import Field

from chatbot.tasks.inputs import Inputs
from chatbot.tasks.task import Step, Task
from chatbot.tasks.work import Work
from chatbot.tasks.written import written


class ExplainCodeInputs(Inputs):
    code: str = Field(description="The code to explain.", min_length=1)
    reader: Literal["beginner", "programmer", "expert"] = Field("programmer", description="Whom it is explained to.")


def run(inputs: ExplainCodeInputs, work: Work) -> AsyncGenerator[Step]:
    """One call."""
    return written(work.write(work.prompt("explain_code", level=inputs.reader, code=inputs.code)))


TASK = Task(
    name="explain-code",
    title="Explain code",
    description="Says what a piece of code is for, how it runs, and what could go wrong with it.",
    inputs=ExplainCodeInputs,
    main="code",
    example={"code": "def mean(values):\n    return sum(values) / len(values)", "reader": "beginner"},
    prompts=("explain_code",),
    run=run,
)

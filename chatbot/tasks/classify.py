"""classify: which of the user's labels fits a text; the engine can say no other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from pydantic import Field, field_validator

from chatbot import markers
from chatbot.schema import Value
from chatbot.tasks.inputs import Inputs, Texts
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work


class ClassifyInputs(Inputs):
    text: str = Field(description="The text to sort.", min_length=1)
    labels: Texts = Field(description="Labels to choose from, with commas between them; at least two.", max_length=100)
    several: bool = Field(False, description="More than one label may fit, or none.")

    @field_validator("labels")
    @classmethod
    def _differ(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        labels = tuple(dict.fromkeys(label for label in labels if label))
        if len(labels) < 2:
            raise ValueError("give at least two different labels")
        return labels


class Classification(Value):
    reason: str
    labels: tuple[str, ...]
    """One, unless several may fit."""


async def run(inputs: ClassifyInputs, work: Work) -> AsyncGenerator[Step]:
    """One call, decoded by a schema that has the labels in it."""
    count = "all that fit, none if none does" if inputs.several else "exactly one"
    messages = work.prompt("classify", labels=", ".join(inputs.labels), count=count, text=inputs.text)
    said = await work.decode(_schema(inputs), messages)
    labels = tuple(dict.fromkeys(said["labels"]))
    fits = ", ".join(map(markers.literal, labels)) or "None of the labels fits"
    yield Outcome(f"{fits}. {markers.literal(said['reason'].strip())}", Classification(reason=said["reason"], labels=labels))


def _schema(inputs: ClassifyInputs) -> dict[str, Any]:
    least, most = (0, len(inputs.labels)) if inputs.several else (1, 1)
    labels = {"type": "array", "items": {"enum": list(inputs.labels)}, "minItems": least, "maxItems": most}
    return {
        "title": "Classification",
        "type": "object",
        "properties": {"reason": {"type": "string", "maxLength": 300}, "labels": labels},
        "required": ["reason", "labels"],
        "additionalProperties": False,
    }


TASK = Task(
    name="classify",
    title="Classify a text",
    description="Says which of your own labels fits a text, and why.",
    inputs=ClassifyInputs,
    main="text",
    output=Classification,
    example={"text": "The app closes whenever I open the second tab.", "labels": ["bug", "question", "praise"]},
    prompts=("classify",),
    run=run,
)

"""extract: values out of a text, in the shape of the user's JSON schema or pydantic model."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from chatbot.engines import json_schema
from chatbot.errors import BadParameter
from chatbot.tasks.inputs import Inputs, from_json
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work


def _schema_of(given: Any) -> Any:
    return given.model_json_schema() if isinstance(given, type) and issubclass(given, BaseModel) else given


class ExtractInputs(Inputs):
    text: str = Field(description="The text that holds the values.", min_length=1)
    shape: Annotated[dict[str, Any], from_json, BeforeValidator(_schema_of)] = Field(
        alias="schema", description="A JSON schema (draft 2020-12) of the result; in Python a pydantic model too."
    )

    @field_validator("shape")
    @classmethod
    def _is_schema(cls, shape: dict[str, Any]) -> dict[str, Any]:
        try:
            return json_schema.checked(shape)
        except BadParameter as error:
            raise ValueError(str(error)) from error


async def run(inputs: ExtractInputs, work: Work) -> AsyncGenerator[Step]:
    """One call, decoded by the schema and checked against it."""
    messages = work.prompt("extract", schema=json.dumps(inputs.shape, ensure_ascii=False), text=inputs.text)
    yield Outcome(data=await work.decode(inputs.shape, messages))


TASK = Task(
    name="extract",
    title="Extract values",
    description="Takes values out of a text in the shape of your own JSON schema.",
    inputs=ExtractInputs,
    main="text",
    example={
        "text": "Invoice 17 of 3 May: 42.50 EUR, to be paid within 14 days.",
        "schema": {
            "type": "object",
            "properties": {
                "number": {"type": "integer"},
                "amount": {"type": "number"},
                "currency": {"enum": ["EUR", "USD", "GBP"]},
            },
            "required": ["number", "amount", "currency"],
            "additionalProperties": False,
        },
    },
    prompts=("extract",),
    run=run,
)

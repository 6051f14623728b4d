"""entities: what a text mentions. The model says what, and the places are looked up here, so that none is invented."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from pydantic import Field

from chatbot import markers
from chatbot.schema import Value
from chatbot.tasks.inputs import Inputs, Texts
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work

_MOST = 64
"""Different mentions in one answer; a text with more has to be given in parts."""

_TYPES = ("person", "organization", "place", "date", "quantity", "product", "event")


class EntitiesInputs(Inputs):
    text: str = Field(description="The text to read.", min_length=1)
    types: Texts = Field(_TYPES, min_length=1, max_length=50, description="Types to look for, with commas between them.")


class Entity(Value):
    text: str
    type: str
    start: int
    """Place in the given text, in characters."""
    end: int


class Entities(Value):
    entities: tuple[Entity, ...]
    """Every place of every mention, in the order of the text."""
    dropped: int
    """Mentions by the model that do not occur in the text."""


async def run(inputs: EntitiesInputs, work: Work) -> AsyncGenerator[Step]:
    """One call, decoded by a schema that has the types in it."""
    messages = work.prompt("entities", types=", ".join(inputs.types), text=inputs.text)
    said: Sequence[Mapping[str, str]] = (await work.decode(_schema(inputs.types), messages))["entities"]
    stop = work.finished()
    if len(said) >= _MOST:
        stop = stop.model_copy(update={"finish_reason": "length"})
    entities = found(inputs.text, said)
    yield Outcome(_listed(entities), entities, stop=stop)


def found(text: str, said: Sequence[Mapping[str, str]]) -> Entities:
    """Look up mentions, the longest first: "York" in "New York" is no mention of its own."""
    types = {" ".join(each["mention"].split()): each["type"] for each in reversed(said)}  # the first type of a mention counts
    entities: list[Entity] = []
    taken = bytearray(len(text))  # a search among the entities for each would take the square of their number
    dropped = 0
    for mention in sorted(types, key=len, reverse=True):
        spans = [match.span() for match in _pattern(mention).finditer(text)] if mention else []
        dropped += not spans
        for start, end in spans:
            if not any(taken[start:end]):
                taken[start:end] = bytes([1]) * (end - start)
                entities.append(Entity(text=text[start:end], type=types[mention], start=start, end=end))
    return Entities(entities=tuple(sorted(entities, key=lambda each: each.start)), dropped=dropped)


def _listed(entities: Entities) -> str:
    named = dict.fromkeys((" ".join(each.text.split()), each.type) for each in entities.entities)
    lines = [f"- {markers.literal(text)} ({type_})" for text, type_ in named] or ["Nothing of the kind was found in the text."]
    if entities.dropped:
        lines += ["", f"{entities.dropped} more named by the model, but not in the text, and left out."]
    return "\n".join(lines)


def _pattern(mention: str) -> re.Pattern[str]:
    """Whole words, wherever the lines of the text break."""
    return re.compile(r"(?<!\w)" + r"\s+".join(map(re.escape, mention.split())) + r"(?!\w)")


def _schema(types: Sequence[str]) -> dict[str, Any]:
    entity = {
        "type": "object",
        "properties": {"mention": {"type": "string", "minLength": 1, "maxLength": 120}, "type": {"enum": list(types)}},
        "required": ["mention", "type"],
        "additionalProperties": False,
    }
    return {
        "title": "Entities",
        "type": "object",
        "properties": {"entities": {"type": "array", "items": entity, "maxItems": _MOST}},
        "required": ["entities"],
        "additionalProperties": False,
    }


TASK = Task(
    name="entities",
    title="Find names and figures",
    description="Lists the people, organizations, places, dates and other things a text mentions, with their places in it.",
    inputs=EntitiesInputs,
    main="text",
    output=Entities,
    example={"text": "Ada Lovelace met Charles Babbage in London in June 1833."},
    prompts=("entities",),
    run=run,
)

"""Inputs of a task: what a person gives at a terminal, in a form or as JSON, checked once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, ValidationError

from chatbot.errors import BadInput, first_mistake
from chatbot.schema import Value, writable

_LONGEST_VALUE = 60


class Inputs(Value):
    """Base of all inputs. Every field has a description, which forms and messages show."""


I = TypeVar("I", bound=Inputs)  # noqa: E741


def _listed(value: Any) -> Any:
    """A terminal and a form have no lists: there, commas part the items, or it is JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return _from_json(value)
    return [item.strip() for item in value.split(",") if item.strip()]


def _from_json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from error


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""Several short texts; as a string with commas between them."""

from_json = BeforeValidator(_from_json)
"""For a field that may be given as JSON in a string."""

DocumentName = Annotated[str, Field(json_schema_extra={"format": "document"})]
"""`collection/source`, as citations show it, or the source alone where no other collection has it."""


def checked(task: str, kind: type[I], given: Mapping[str, Any]) -> I:
    """The inputs of a task.

    Raises:
        BadInput: says which one, which value, and what is allowed.
    """
    try:
        return kind.model_validate(_writable(given))
    except RecursionError as error:
        raise BadInput(f"the task {task!r}: an input is nested too deeply") from error
    except ValidationError as error:
        mistakes = error.errors()
        # a misspelt name is why another is missing
        mistake = next((each for each in mistakes if each["type"] == "extra_forbidden" and len(each["loc"]) == 1), mistakes[0])
    properties = kind.model_json_schema()["properties"]
    name = str(mistake["loc"][0]) if mistake["loc"] else ""
    if len(mistake["loc"]) > 1:
        raise BadInput(f"the task {task!r}: {first_mistake([mistake])}")
    meant = properties.get(name, {}).get("description", "")
    if mistake["type"] == "extra_forbidden":
        raise BadInput(f"the task {task!r} has no input {name!r}; it has: {', '.join(properties)}")
    if mistake["type"] == "missing":
        raise BadInput(f"the task {task!r} needs {name!r}: {meant}")
    said = mistake["msg"].removeprefix("Value error, ")
    if not name:
        raise BadInput(f"the task {task!r}: {said}")
    raise BadInput(f"the task {task!r}: {name} = {_shortened(mistake['input'])}: {said} ({meant})")


def _writable(value: Any) -> Any:
    """As `schema.writable`, all the way down."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, Mapping):
        return {name: _writable(each) for name, each in value.items()}
    return [_writable(each) for each in value] if isinstance(value, list) else value


def _shortened(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + "…"

"""Structured output: a pydantic model or a JSON schema that the engine has to follow, and that its answer is checked against."""

from __future__ import annotations

import json
import re
from typing import Any

from langchain_core.messages import AIMessage
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from chatbot.engines import json_schema
from chatbot.errors import OutputInvalid, first_mistake

Schema = type[BaseModel] | dict[str, Any]
"""A pydantic model, or a JSON schema (draft 2020-12)."""

_BROKEN_CHARACTER = re.compile("\ufffd+")
"""Bytes that are no UTF-8. The server's grammar took them for one character when it counted the length of a string."""


def response_format(schema: Schema) -> dict[str, Any]:
    """What makes the server decode nothing but JSON of this schema.

    Raises:
        BadParameter: it is not a schema.
    """
    name = schema.__name__ if isinstance(schema, type) else str(schema.get("title") or "answer")
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:64]
    wanted = schema.model_json_schema() if isinstance(schema, type) else json_schema.checked(schema)
    return {"type": "json_schema", "json_schema": {"name": name, "schema": wanted, "strict": True}}


def validated(schema: Schema, message: AIMessage) -> Any:
    """The parsed answer: an instance of the model, or a value that the JSON schema allows.

    Raises:
        OutputInvalid: it was cut off, is not JSON, or does not follow the schema.
    """
    if message.response_metadata.get("finish_reason") == "length":
        raise OutputInvalid(
            "the answer was cut at its limit before its JSON ended; raise max_tokens (CHATBOT_VLLM__SAMPLING__MAX_TOKENS), or "
            "bound the texts of the schema with maxLength"
        )
    try:
        # not strict: where a schema bounds a string's length, vLLM 0.32 lets line breaks and tabs into it as they are
        value = json.loads(_BROKEN_CHARACTER.sub("\ufffd", message.text), strict=False, parse_constant=_no_number)
    except RecursionError as error:
        raise OutputInvalid("the answer is nested too deeply to be read") from error
    except ValueError as error:
        raise OutputInvalid(f"the answer is not JSON: {error}") from error
    return conforming(schema, value)


def conforming(schema: Schema, value: Any) -> Any:
    """An instance of the model, or the value as it is, which the JSON schema allows.

    Raises:
        OutputInvalid: it does not follow the schema.
    """
    try:
        if isinstance(schema, type):
            # as JSON, whose lists are tuples here
            return schema.model_validate_json(to_json(value))
        json_schema.check(schema, value)
        return value
    except ValidationError as error:
        raise OutputInvalid(f"the answer does not follow the schema: {first_mistake(error.errors())}") from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")

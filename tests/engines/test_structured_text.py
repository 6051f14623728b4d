"""Structured answers as servers really write them."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field

from chatbot.engines import structured
from chatbot.errors import OutputInvalid

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 4}}, "required": ["text"]}


class Limited(BaseModel):
    text: str = Field(max_length=4)
    many: tuple[str, ...] = ()


def _validated(text: str, schema: Any = SCHEMA) -> Any:
    return structured.validated(schema, AIMessage(text))


def test_a_raw_line_break_inside_a_string_is_read() -> None:
    assert _validated('{"text": "a\nb"}') == {"text": "a\nb"}


def test_bytes_that_are_no_character_count_as_one() -> None:
    assert _validated('{"text": "abc\ufffd\ufffd\ufffd"}') == {"text": "abc\ufffd"}


def test_a_string_that_is_too_long_is_refused() -> None:
    with pytest.raises(OutputInvalid, match="too long"):
        _validated('{"text": "abcde"}')


def test_lists_become_the_models_tuples() -> None:
    assert _validated('{"text": "a", "many": ["b"]}', Limited) == Limited(text="a", many=("b",))


@pytest.mark.parametrize("text", ["", "no JSON", '{"text": NaN}', '{"text": "a"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(OutputInvalid, match="not JSON"):
        _validated(text)


@pytest.mark.parametrize("schema", [SCHEMA, Limited])
def test_another_value_is_refused(schema: Any) -> None:
    with pytest.raises(OutputInvalid, match="does not follow the schema"):
        structured.conforming(schema, {"other": 1})

"""Structured answers as servers really write them."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field

from chatbot.engines import json_schema, structured
from chatbot.errors import BadParameter, OutputInvalid

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


_TREE: dict[str, Any] = {f"d{k}": {"anyOf": [{"$ref": f"#/$defs/d{k + 1}"}] * 2} for k in range(40)} | {"d40": False}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"not": {"pattern": "^(a+)+$"}}, "a" * 60 + "!"),
        ({"patternProperties": {"^(a+)+$": False}}, {"a" * 60 + "!": 1}),
        ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": True}, {"a" * 60 + "!": 1}),
        ({"uniqueItems": True}, [{"a": k} for k in range(20_000)]),
        ({"uniqueItems": True}, [1, True, "1", None, [1], [True], {}]),
        ({"not": {"$schema": "https://json-schema.org/draft/2020-12/schema", "pattern": "^(a+)+$"}}, "a" * 60 + "!"),
        ({"pattern": "b"}, "abc"),
        ({"pattern": "^x"}, 5),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}),
    ],
)
def test_no_schema_takes_for_ever(schema: dict[str, Any], value: Any) -> None:
    assert structured.conforming(schema, value) == value


def test_a_schema_is_checked_in_a_time_that_grows_with_its_size() -> None:
    with pytest.raises(BadParameter, match="not valid"):
        json_schema.checked({"required": [{"a": k} for k in range(5_000)]})


@pytest.mark.parametrize(
    ("schema", "value", "error", "says"),
    [
        ({"$ref": "#"}, 1, BadParameter, "refers to itself"),
        ({"$defs": _TREE, "$ref": "#/$defs/d0"}, 1, BadParameter, "more than"),
        ({"$id": "http://[x", "$ref": "#a"}, 1, BadParameter, "cannot be followed"),
        ({"pattern": "(?=a)b"}, "b", BadParameter, "look-around"),
        ({"uniqueItems": True}, [1, 1.0], OutputInvalid, "twice"),
        ({"uniqueItems": True}, [{"a": [1], "b": 2}, {"b": 2, "a": [1.0]}], OutputInvalid, "twice"),
        ({"pattern": "^b"}, "ab", OutputInvalid, "match"),
        ({"patternProperties": {"^a": {"type": "integer"}}}, {"ab": "x"}, OutputInvalid, "integer"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, OutputInvalid, "no 'b'"),
        ({"additionalProperties": {"type": "string"}}, {"b": 1}, OutputInvalid, "string"),
    ],
)
def test_what_does_not_follow_or_cannot_be_followed_is_said(
    schema: dict[str, Any], value: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        structured.conforming(schema, value)


@pytest.mark.parametrize("place", ["#/nowhere", "#/minimum/x", "#/allOf/x", "#/properties/x"])
def test_a_reference_to_no_place_in_the_schema_is_refused_before_anything_is_asked(place: str) -> None:
    schema = {"minimum": 3, "allOf": [{}], "properties": {"default": {"$ref": place}}}

    with pytest.raises(BadParameter, match="which is not inside it"):
        json_schema.checked(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"b": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/b"}}},
        {"$defs": {"inner": {"$id": "https://x/inner", "$defs": {"b": {}}, "$ref": "#/$defs/b"}}},
        {"x-note": {"$ref": "#/nowhere"}, "const": {"$ref": "#/nowhere"}},
        {"properties": {"$ref": {"type": "string"}}, "$ref": "#"},
    ],
)
def test_what_is_a_schema_is_not_refused(schema: dict[str, Any]) -> None:
    assert json_schema.checked(schema) == schema


def test_what_is_nested_too_deeply_is_said() -> None:
    schema: dict[str, Any] = {}
    for _ in range(3000):
        schema = {"not": schema}

    with pytest.raises(BadParameter, match="too deeply"):
        json_schema.checked(schema)
    with pytest.raises(OutputInvalid, match="too deeply"):
        _validated("[" * 100_000, {"type": "array"})

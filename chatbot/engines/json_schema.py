"""Checks JSON against a schema that a stranger may have written: in time that grows with its size, and without the network.

Three keywords of `jsonschema` do not: `pattern` may try every way to match, `uniqueItems` compares all pairs, and references may
be followed more often than there is time for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import Any

import jsonschema
import referencing
import referencing.exceptions
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from pydantic_core import SchemaError, SchemaValidator, core_schema
from referencing.jsonschema import DRAFT202012

from chatbot.errors import BadParameter, OutputInvalid

MOST_REFERENCES = 20_000
"""Followed in one check; an answer of a model is shorter than that."""

_Standard = jsonschema.Draft202012Validator
_Keyword = Callable[[Any, Any, Any, Any], Iterator[jsonschema.ValidationError]]


def checked(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as it is.

    Raises:
        BadParameter: it is not a schema.
    """
    try:
        meta = _validator(_Standard.META_SCHEMA, format_checker=_Standard.FORMAT_CHECKER)
        error = best_match(meta.iter_errors(schema))
        if error is not None:
            place = "/".join(map(str, error.absolute_path)) or "the top"
            raise BadParameter(f"the JSON schema is not valid: at {place}: {error.message}")
        _check_references(schema)
    except RecursionError as deep:
        raise BadParameter("the JSON schema is nested too deeply") from deep
    return schema


def _check_references(schema: dict[str, Any]) -> None:
    resource = referencing.Resource.from_contents(schema, default_specification=DRAFT202012)
    resolver = referencing.Registry().with_resource("", resource).resolver()
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except (referencing.exceptions.Unresolvable, LookupError, TypeError, ValueError) as error:
            # the others are steps into what is no schema
            raise BadParameter(f"the JSON schema refers to {reference!r}, which is not inside it") from error


def _references(schema: Any) -> Iterator[str]:
    """Those to a place in the same schema; a part with an `$id` is another one."""
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str) and reference.startswith("#/"):
            yield reference
        for part in DRAFT202012.subresources_of(schema):
            if not (isinstance(part, dict) and "$id" in part):
                yield from _references(part)


def check(schema: dict[str, Any], value: Any) -> None:
    """
    Raises:
        OutputInvalid: the value does not follow the schema.
        BadParameter: nobody can say whether it does.
    """
    try:
        # an empty registry: a schema's reference to another address is not fetched
        _validator(schema, registry=referencing.Registry()).validate(value)
    except jsonschema.ValidationError as error:
        raise OutputInvalid(f"the answer does not follow the schema: {error.message}") from error
    except referencing.exceptions.Unresolvable as error:
        raise BadParameter(f"the JSON schema refers to {error.ref!r}, which is not inside it") from error
    except RecursionError as error:
        raise BadParameter("the JSON schema refers to itself without end, or is nested too deeply") from error
    except ValueError as error:
        raise BadParameter(f"the JSON schema cannot be followed: {error}") from error


def _validator(schema: Mapping[str, Any], **more: Any) -> Any:
    followed = count(1)

    def counted(keyword: _Keyword) -> _Keyword:
        def follow(validator: Any, reference: Any, value: Any, inside: Any) -> Iterator[jsonschema.ValidationError]:
            if next(followed) > MOST_REFERENCES:
                raise BadParameter(f"the JSON schema refers to its parts more than {MOST_REFERENCES:,} times for this answer")
            yield from keyword(validator, reference, value, inside) or ()

        return follow

    keywords: dict[str, Any] = {name: counted(_Standard.VALIDATORS[name]) for name in ("$ref", "$dynamicRef")}
    keywords |= {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional}
    keywords |= {"uniqueItems": _unique, "unevaluatedProperties": _unevaluated}
    kind: Any = extend(_Standard, keywords)
    kind.evolve = _evolved
    return kind(schema, **more)


def _evolved(validator: Any, **changes: Any) -> Any:
    """With changes, and always of the same class: the library's own gives a part that has a `$schema` its plain one."""
    kept = {each.alias: getattr(validator, each.name) for each in type(validator).__attrs_attrs__ if each.init}
    return type(validator)(**{**kept, **changes})


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(value, str) and not _matches(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    for pattern, inside in patterns.items() if isinstance(value, dict) else ():
        for name, each in value.items():
            if _matches(pattern, name):
                yield from validator.descend(each, inside, path=name, schema_path=pattern)


def _additional(validator: Any, inside: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if not isinstance(value, dict):
        return
    patterns = schema.get("patternProperties", {})
    named = schema.get("properties", {})
    for name, each in value.items():
        if name not in named and not any(_matches(pattern, name) for pattern in patterns):
            if inside is False:
                yield jsonschema.ValidationError(f"there must be no {name!r}")
            else:
                yield from validator.descend(each, inside, path=name)


def _unevaluated(validator: Any, inside: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if "patternProperties" in str(validator.schema):
        raise BadParameter("unevaluatedProperties beside patternProperties cannot be checked; use additionalProperties")
    yield from _Standard.VALIDATORS["unevaluatedProperties"](validator, inside, value, schema) or ()


def _unique(_validator: Any, wanted: bool, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    if wanted and isinstance(value, list) and len(set(map(_hashable, value))) < len(value):
        yield jsonschema.ValidationError("an item stands twice in a list whose items must differ")


def _hashable(value: Any) -> Any:
    """Equal for values that JSON takes for the same: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return "object", frozenset((name, _hashable(each)) for name, each in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_hashable, value))
    return type(value) if isinstance(value, bool) else "", value


@lru_cache(maxsize=256)
def _expression(pattern: str) -> SchemaValidator:
    try:
        # Rust's expressions take time that grows with the text alone, and so know no look-around
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        raise BadParameter(
            f"the pattern {pattern!r} cannot be checked; write it without look-around or back references"
        ) from error


def _matches(pattern: str, text: str) -> bool:
    return _expression(pattern).isinstance_python(text)

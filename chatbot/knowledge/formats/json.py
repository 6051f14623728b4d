"""JSON and JSON Lines: one "path: value" line for each value, in a block for each record."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import plain
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder

_MAX_TEXT = 8 * 2**20
"""Paths stand at every value, so a small file can make a large text."""
_MAX_DEPTH = 100
_MAX_SIZE = 8 * 2**20
"""Of a document that has to be read as a whole; a list of empty lists takes thirty times its size of memory."""
_RECORD = 50
"""What a record counts for before it says anything."""
_MAX_LIST = 200
"""A list of short values is one line up to so many characters."""


def extract(raw: bytes) -> Extracted:
    """Read a document; one that is broken is read as the text it is, and said to be.

    Raises:
        DocumentRefused: larger than 8 MiB, or the bytes are no text.
    """
    if len(raw) > _MAX_SIZE:
        raise DocumentRefused(f"larger than {_MAX_SIZE // 2**20} MiB; split the document, or write one record a line as .jsonl")
    text = plain.decode(raw).strip()
    try:
        return _build(_records(_loads(text)))
    except json.JSONDecodeError as error:
        if _are_lines(text):
            return _lines(text)
        return _as_text(text, f"its structure: no JSON at line {error.lineno:,}, column {error.colno:,} ({error.msg})")
    except RecursionError:
        return _as_text(text, "its structure: nested too deeply")


def extract_lines(raw: bytes) -> Extracted:
    """Read a document of one value a line; a line that is broken is read as the text it is, and said to be.

    Raises:
        DocumentRefused: the bytes are no text.
    """
    return _lines(plain.decode(raw))


def _lines(text: str) -> Extracted:
    broken: list[int] = []
    extracted = _build(_line_records(text, broken))
    if not broken:
        return extracted
    missing = f"the structure of {len(broken):,} lines that are no JSON, the first of them line {broken[0]:,}"
    return extracted.model_copy(update={"missing": "; ".join(filter(None, [missing, extracted.missing]))})


def _line_records(text: str, broken: list[int]) -> Iterator[Iterable[str]]:
    for number, line in enumerate(io.StringIO(text), 1):
        if not line.strip():
            continue
        try:
            record: Iterable[str] = _values("", _loads(line))
        except (json.JSONDecodeError, RecursionError):
            broken.append(number)
            record = [line.strip()]
        yield record


def _build(records: Iterator[Iterable[str]]) -> Extracted:
    builder = TextBuilder()
    size = 0
    for number, record in enumerate(records, 1):
        size += _RECORD
        lines: list[str] = []
        for line in record:
            size += len(line)
            if size > _MAX_TEXT:
                break
            lines.append(line)
        builder.block("\n".join(lines))
        if size > _MAX_TEXT:
            limit = f"{_MAX_TEXT // 2**20} million characters"
            return builder.build(missing=f"what follows in record {number:,} and behind it: it makes more than {limit}")
    return builder.build()


def _as_text(text: str, missing: str) -> Extracted:
    builder = TextBuilder()
    builder.block(text)
    return builder.build(missing=missing)


def _are_lines(text: str) -> bool:
    first, *rest = text.split("\n", 1)
    try:
        return bool(rest) and isinstance(_loads(first), (dict, list))
    except (json.JSONDecodeError, RecursionError):
        return False


def _loads(text: str) -> Any:
    # numbers stay as they are written: 1.10 is a price, and thousands of digits take minutes to convert
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _records(value: Any) -> Iterator[Iterable[str]]:
    """Each item of the outermost lists, and what stands around them."""
    if isinstance(value, list) and _holds_values(value):
        yield from (_values("", item) for item in value)
    elif isinstance(value, dict):
        around = {key: item for key, item in value.items() if not isinstance(item, (dict, list))}
        yield _values("", around)
        for key, item in value.items():
            if isinstance(item, list) and _holds_values(item):
                yield from (_values(f"{key}[{index}]", part) for index, part in enumerate(item))
            elif isinstance(item, (dict, list)):
                yield _values(key, item)
    else:
        yield _values("", value)


def _values(path: str, value: Any, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _values(f"{path}.{key}" if path else key, item, depth + 1)
    elif isinstance(value, list) and not _holds_values(value) and sum(len(_shown(item)) for item in value) <= _MAX_LIST:
        yield from _line(path, ", ".join(filter(None, map(_shown, value))))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values(f"{path}[{index}]", item, depth + 1)
    else:
        yield from _line(path, _shown(value))


def _line(path: str, text: str) -> Iterator[str]:
    if text:
        yield f"{path}: {text}" if path else text


def _holds_values(items: list[Any]) -> bool:
    return any(isinstance(item, (dict, list)) for item in items)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)

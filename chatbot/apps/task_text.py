"""A task's result and a task's inputs as plain text. Pure; it prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from chatbot.tasks.events import TaskCard, TaskResult

CUT = "The result is not complete: the model came to its length limit."
NOT_BACKED = "Not from your documents: nothing of it was checked against them."


def listed(cards: Sequence[TaskCard]) -> str:
    """Every task with its inputs, what it needs, and what is known of its quality."""
    return "\n\n".join("\n".join(_introduced(card)) for card in cards)


def shown(result: TaskResult) -> str:
    """What a person reads of a result."""
    body = result.text or readable(result.data)
    below = [*_sources(result), *(f"({remark})" for remark in remarks(result))]
    return "\n".join([body, *([""] if below else []), *below])


def remarks(result: TaskResult) -> list[str]:
    """What has to be said beside a result: that it is cut, or that no document is behind it."""
    return [*([CUT] if result.finish_reason == "length" else []), *([NOT_BACKED] if result.task == "chat" else [])]


def readable(value: JsonValue, indent: str = "") -> str:
    """JSON as lines of `name: value`, lists by number; nothing is left out but what is empty."""
    return "\n".join(_lines(value, indent))


def _lines(value: JsonValue, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, dict | list) and each and not _is_short(each):
                yield f"{indent}{name}:"
                yield from _lines(each, indent + "  ")
            elif each not in (None, [], {}):
                yield f"{indent}{name}: {_short(each)}"
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            first, *rest = [*_lines(each, "")] or [""]
            yield f"{indent}{number}. {first}"
            yield from (f"{indent}   {line}" for line in rest)
    else:
        yield indent + _short(value)


def _is_short(value: dict[str, JsonValue] | list[JsonValue]) -> bool:
    return isinstance(value, list) and all(not isinstance(each, dict | list) and len(_short(each)) < 40 for each in value)


def _short(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return value if isinstance(value, str) else json.dumps(value)


def _sources(result: TaskResult) -> Iterator[str]:
    """One line a marker."""
    passages = {passage.chunk.id: passage for passage in result.passages}
    cited = {citation.marker: citation for citation in result.citations}
    for marker, citation in cited.items():
        headings = passages[citation.chunk_id].chunk.heading_path if citation.chunk_id in passages else ()
        path = " > ".join(dict.fromkeys([citation.title, *headings]))
        page = f", page {citation.page}" if citation.page else ""
        yield f"[{marker}] {path} ({citation.collection}/{citation.source}{page})"


def _introduced(card: TaskCard) -> Iterator[str]:
    yield f"{card.name}: {card.description}"
    if not card.available:
        yield f"    needs {card.needs}"
    required: Sequence[str] = card.inputs.get("required", ())
    for name, field in card.inputs["properties"].items():
        main = " (the TEXT)" if name == card.main else ""
        yield f"    {name}{main}: {field['description']}{_allowed(field, name in required)}"
    yield f"    quality: {card.quality}"


def _allowed(field: Mapping[str, Any], required: bool) -> str:
    allowed = f" One of: {', '.join(field['enum'])}." if "enum" in field else ""
    default = field.get("default")
    return allowed + (" Required." if required else f" [{_short(default)}]" if default not in (None, "", []) else "")

"""Finds parts by name. Built-in parts and other people's are declared the same way: as entry points of a package.

    [project.entry-points."chatbot.engines"]
    mine = "my_package.engine:build"

Groups: `chatbot.engines` (a name for --engine; a callable `(EngineParts) -> BaseChatModel`) and `chatbot.formats` (a file suffix
without the dot; a callable `(bytes) -> Extracted`). This module imports no part itself.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from chatbot.errors import SettingsError

Group = Literal["chatbot.engines", "chatbot.formats"]


def names(group: Group) -> list[str]:
    """Names registered in a group, sorted."""
    return sorted(_parts(group))


@cache
def load(group: Group, name: str) -> Any:
    """Import one part.

    Raises:
        SettingsError: no part of that name; the message lists those there are.
    """
    try:
        part = _parts(group)[name]
    except KeyError as error:
        kind = group.removeprefix("chatbot.").removesuffix("s")
        choose = "; choose one with --engine or CHATBOT_ENGINE" if kind == "engine" else ""
        raise SettingsError(f"there is no {kind} {name!r}; there are: {', '.join(names(group))}{choose}") from error
    return part.load()


@cache
def _parts(group: Group) -> dict[str, EntryPoint]:
    return {part.name: part for part in entry_points(group=group)}

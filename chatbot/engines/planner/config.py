"""A model's config.json: found, parsed, and each field checked as it is read. Knows nothing of what the fields mean."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from chatbot.engines.planner import hub
from chatbot.errors import PlanError

CONFIG = "config.json"
_MOST = 10**9
"""No size in a config.json is larger; what is, would be a mistake."""


@dataclass(frozen=True)
class Fields:
    """The fields of one config.json; every reader names the field that is missing or wrong."""

    place: str
    """Where they come from, for messages."""
    values: dict[str, Any] = field(repr=False)

    def integer(self, name: str, default: int | None = None, least: int = 1) -> int:
        """A whole number of at least `least`; `default` where the field is absent or null.

        Raises:
            PlanError: absent without a default, or no such number.
        """
        value = self.values.get(name)
        if value is None:
            value = default
        if value is None:
            raise PlanError(f"{self.place} has no field {name!r}; is it the config.json of the model itself, complete?")
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
            raise PlanError(f"{self.place}: field {name!r} is {value!r}; a whole number from {least} to {_MOST:,} is needed")
        return value

    def optional(self, name: str) -> int | None:
        """A whole number above 0, or None where the field is absent or null."""
        return None if self.values.get(name) is None else self.integer(name)

    def flag(self, name: str, default: bool) -> bool:
        """True or false; `default` where the field is absent or null.

        Raises:
            PlanError: something else.
        """
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise PlanError(f"{self.place}: field {name!r} is {value!r}; true or false is needed")
        return value

    def text(self, name: str, default: str = "") -> str:
        """A string; `default` where the field is absent or of another type."""
        value = self.values.get(name)
        return value if isinstance(value, str) else default

    def items(self, name: str) -> list[Any]:
        """A list; empty where the field is absent or of another type."""
        value = self.values.get(name)
        return cast("list[Any]", value) if isinstance(value, list) else []

    def inside(self, name: str) -> Fields | None:
        """A nested object, or None where there is none."""
        value = self.values.get(name)
        return Fields(f"{self.place} ({name})", cast("dict[str, Any]", value)) if isinstance(value, dict) else None


@dataclass(frozen=True)
class Model:
    """A model as the caller named it, with its configuration."""

    name: str
    fields: Fields
    folder: Path | None
    """Where its other files are; None if only config.json was fetched."""


def read(model: str) -> Model:
    """The configuration of a local folder, of a config.json, or of a model on the hub.

    Raises:
        PlanError: there is none, it cannot be reached, or it is no JSON object.
    """
    if not model.strip():
        raise PlanError("MODEL is empty; give a model's folder, or a hub id such as Qwen/Qwen3-8B")
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / CONFIG).is_file():
            raise PlanError(f"the folder {model!r} holds no {CONFIG}; name the folder that the model's files are in")
        return Model(model, _parse(path / CONFIG), path)
    if path.is_file():
        return Model(str(path.parent) if path.name == CONFIG else model, _parse(path), path.parent)
    if _is_path(model):
        raise PlanError(f"there is no folder {model!r}; give a folder that holds {CONFIG}, or a hub id such as Qwen/Qwen3-8B")
    return Model(model, _parse(hub.fetch(model, CONFIG)), None)


def _is_path(model: str) -> bool:
    return model.startswith((".", "~", "/")) or "\\" in model or model.count("/") > 1


def _parse(path: Path) -> Fields:
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path} is not valid JSON ({error}); download it again") from error
    if not isinstance(values, dict):
        raise PlanError(f"{path} holds no JSON object; is it the config.json of a model?")
    return Fields(str(path), cast("dict[str, Any]", values))

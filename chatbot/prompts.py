"""Prompts are data: one TOML file each, checked when loaded, so that a missing placeholder never reaches a user.

A file that overrides another has the same roles and inputs, for the code that fills it in knows of no others.

A file has `description`, `version`, `inputs`, and a text for one or more roles (`system`, `user`, `assistant`). `$name` or
`${name}` stands for an input (string.Template: values are inserted, never evaluated). What stands in a text between two tags, as
in `<material>${text}</material>`, is fenced: no value there can hold such a tag.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Literal

from pydantic import BaseModel, ValidationError

from chatbot.errors import PromptError, first_mistake
from chatbot.schema import Message

Role = Literal["system", "user", "assistant"]
_ROLES: tuple[Role, ...] = ("system", "user", "assistant")

_FENCE = re.compile(r"<(?P<tag>\w+)\b[^>]*>(?P<inside>.*?)</(?P=tag)>", re.DOTALL)
_JOINER = "\u2060"
"""Word joiner: has no width, and keeps a value's tag from being one."""


class Prompt(BaseModel, extra="forbid", frozen=True):
    """A checked prompt."""

    name: str
    hash: str
    """SHA-256 of the file, first 12 hex digits; pinned in every answer's manifest."""
    description: str
    version: int
    inputs: tuple[str, ...] = ()
    system: str = ""
    user: str = ""
    assistant: str = ""

    @property
    def roles(self) -> tuple[Role, ...]:
        """Those that have a text, in the order system, user, assistant."""
        return tuple(role for role in _ROLES if getattr(self, role))

    def text(self, role: Role, **values: str) -> str:
        """Fill in one role's text."""
        template: str = getattr(self, role)
        for fence in _FENCE.finditer(template):
            tag = re.compile(rf"<(?=\s*/?\s*{fence['tag']}\b)", re.IGNORECASE)
            inside = Template(fence["inside"]).get_identifiers()
            values |= {name: tag.sub(f"<{_JOINER}", values[name]) for name in inside}
        return Template(template).substitute(values)

    def messages(self, **values: str) -> list[Message]:
        """Fill in every role that has a text, in the order system, user, assistant."""
        return [Message(role=role, content=self.text(role, **values).strip()) for role in self.roles]


def load(folders: Iterable[Path]) -> Mapping[str, Prompt]:
    """Read every prompt; a later folder overrides an earlier one by file name.

    Raises:
        PromptError: names the file and what is wrong with it.
    """
    found: dict[str, Prompt] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        prompt = _read(path.stem, path)
        _check_override(found.get(prompt.name, prompt), prompt, path)
        found[prompt.name] = prompt
    return found


def _read(name: str, path: Path) -> Prompt:
    try:
        raw = path.read_bytes()
        fields = tomllib.loads(raw.decode("utf-8"))
        prompt = Prompt(name=name, hash=hashlib.sha256(raw).hexdigest()[:12], **fields)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise PromptError(f"prompt {path}: {error}; mend or remove the file") from error
    except ValidationError as error:
        raise PromptError(f"prompt {path}: {first_mistake(error.errors())}; mend the file") from error
    used: set[str] = set()
    for role in _ROLES:
        template = Template(getattr(prompt, role))
        if not template.is_valid():
            raise PromptError(f"prompt {path}: {role} has a lone '$'; write $$ for a dollar sign")
        used.update(template.get_identifiers())
    if used != set(prompt.inputs):
        raise PromptError(f"prompt {path}: inputs are {sorted(prompt.inputs)} but the text uses {sorted(used)}; make them equal")
    return prompt


def _check_override(overridden: Prompt, prompt: Prompt, path: Path) -> None:
    if sorted(prompt.inputs) != sorted(overridden.inputs):
        raise PromptError(
            f"prompt {path}: inputs are {sorted(prompt.inputs)}, and {prompt.name} is given {sorted(overridden.inputs)}"
        )
    if prompt.roles != overridden.roles:
        raise PromptError(
            f"prompt {path}: it has a text for {_list(prompt.roles)}; {prompt.name} needs one for {_list(overridden.roles)}"
        )


def _list(roles: Sequence[Role]) -> str:
    return " and ".join(roles) or "no role"

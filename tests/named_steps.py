"""Where the named steps of a sync are, to be watched or stopped at."""

from __future__ import annotations

import importlib
from typing import Any


def place(step: str) -> tuple[Any, str]:
    """The class that a step belongs to, and its name there."""
    module, _, name = step.partition(":")
    owner, _, method = name.partition(".")
    return getattr(importlib.import_module(f"chatbot.knowledge.{module}"), owner), method

"""Where the knowledge folders are, and what else of data the package carries."""

from __future__ import annotations

from pathlib import Path

import chatbot
from chatbot.settings import Settings

_PACKAGE = Path(chatbot.__file__).parent


def knowledge_folders(settings: Settings) -> list[Path]:
    """Folders of collections, a later one laid over an earlier one."""
    if settings.knowledge is not None:
        return [settings.knowledge.expanduser().resolve()]
    folders = [shipped("knowledge"), Path("knowledge").resolve()]
    return list(dict.fromkeys(folders))


def shipped(name: str) -> Path:
    """A data folder as the wheel carries it, or as it lies in a source checkout."""
    inside = _PACKAGE / "shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name

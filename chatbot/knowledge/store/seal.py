"""A seal on a folder: tells at the next opening whether its files are as they were closed. Knows nothing of what they hold."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Literal

from chatbot.checksum import checksum

_FILE = "seal.json"

State = Literal["whole", "broken", "absent"]


def put(folder: Path) -> None:
    """Seal the folder: nobody will write to it until it is opened again."""
    with contextlib.suppress(OSError):  # without a seal the next opening looks closer
        (folder / _FILE).write_text(json.dumps(_files(folder)), encoding="utf-8")


def check(folder: Path) -> State:
    """Whole, broken (files changed behind the seal), or absent (the last process to open the folder was killed)."""
    try:
        sealed = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "absent"
    return "whole" if sealed == _files(folder) else "broken"


def remove(folder: Path) -> None:
    """Open the folder."""
    (folder / _FILE).unlink(missing_ok=True)


def _files(folder: Path) -> dict[str, list[int]]:
    """Size, time of change and CRC-32 of every file: a disk that loses a bit changes neither of the first two."""
    found: dict[str, list[int]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _FILE:
            stat = path.stat()
            found[path.relative_to(folder).as_posix()] = [stat.st_size, stat.st_mtime_ns, checksum(path)]
    return found

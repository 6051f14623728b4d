"""What OpenVINO keeps of a compiled graph, with which a start is a second shorter. It holds the weights once more.

OpenVINO reads it back unchecked: a bit lost on the disk would make every vector that is encoded from then on a little wrong.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from chatbot.checksum import checksum

FOLDER = "cache"
_KEPT, _NOTE = "*.blob", ".crc32"


def drop_damaged(folder: Path) -> None:
    """Delete what is not as it was noted, or was never noted, as by a process that was killed while OpenVINO wrote it.

    Raises:
        OSError: it cannot be read or deleted.
    """
    for kept in folder.glob(_KEPT):
        note = kept.with_suffix(_NOTE)
        try:
            is_sound = note.read_bytes() == _written(kept)
        except FileNotFoundError:  # of one of the two; another process may be at it too
            is_sound = False
        if not is_sound:
            note.unlink(missing_ok=True)  # first: it must not speak of what comes in the place of this one
            kept.unlink(missing_ok=True)


def note(folder: Path) -> None:
    """Write down how that is which was never noted."""
    for kept in folder.glob(_KEPT):
        note = kept.with_suffix(_NOTE)
        if not note.exists():
            with contextlib.suppress(FileNotFoundError):  # another process has dropped it
                note.write_bytes(_written(kept))


def _written(kept: Path) -> bytes:
    return f"{checksum(kept):08x}\n".encode()

"""Whether a SQLite file is as it was left. Unlike the indexes it cannot be made anew, so what is wrong with it is said at once.

A file that was closed properly has a note beside it with its CRC-32: a lost bit in the middle of a text is no fault to SQLite.
A file without one, which a killed process leaves, or one that SQLite has written since, is looked through by SQLite itself.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from pathlib import Path

from chatbot.checksum import checksum
from chatbot.errors import DataDirectoryError


def note(file: Path) -> None:
    """Note how the file is: nobody will write to it until it is opened again."""
    with contextlib.suppress(OSError):  # without a note the next opening looks closer
        _note(file).write_text(_sealed(_state(file)), encoding="utf-8")


def look(file: Path) -> None:
    """Make sure that a file is sound before it is opened.

    Raises:
        DataDirectoryError: it is not, or it is gone or empty although there are indexes made from it; or its folder cannot be
            written.
    """
    if not file.exists() or not file.stat().st_size:
        _refuse_to_start_anew(file)
        return
    noted = _noted(file)
    try:
        now = _state(file)
    except OSError:
        return  # told by whoever opens it
    if noted == now:
        said = ""
    elif noted and noted["changes"] == now["changes"]:
        said = "its content is not what was written, though nobody wrote to it"
    else:
        said = _full_check(file)
    if said:
        raise DataDirectoryError(
            f"{file} cannot be used ({said}); check the disk, then restore the file from a backup, "
            "or move its folder away, then run `chatbot sync`"
        )
    try:
        _note(file).unlink(missing_ok=True)
    except OSError as error:  # left there, it would speak against the file after a kill
        raise DataDirectoryError(
            f"{_note(file)} cannot be removed: {error.strerror}; mend the permissions of its folder, or remove it yourself"
        ) from error


def _refuse_to_start_anew(file: Path) -> None:
    indexes = file.parent / "indexes"
    if any(indexes.glob("*/*")):
        what = "is empty" if file.exists() else "is gone"
        raise DataDirectoryError(
            f"{file} {what} although there are indexes made from it; "
            f"restore it from a backup, or move {indexes} away as well, then run `chatbot sync`"
        )


def _full_check(file: Path) -> str:
    """What SQLite finds wrong; a journal that a killed process left is played back first.

    The quick check takes a third of its time (0.8 s for 100,000 chunks), and does not compare an index with its table.
    """
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        return str(error) if damaged else ""  # any other error is told by whoever opens it
    return "" if said == "ok" else " ".join(str(said).split())


def _state(file: Path) -> dict[str, int]:
    """CRC-32, and SQLite's own count of the transactions that changed the file (sqlite.org/fileformat.html, 1.3.7)."""
    with file.open("rb") as opened:
        return {"changes": int.from_bytes(opened.read(28)[24:]), "crc32": checksum(file)}


def _noted(file: Path) -> dict[str, int] | None:
    """What was noted; None where there is no note, or a damaged one, which says nothing about the file."""
    try:
        text = _note(file).read_text(encoding="utf-8")
        noted = json.loads(text)["file"]
        return noted if text == _sealed(noted) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _sealed(state: dict[str, int]) -> str:
    """A note with a CRC-32 of its own."""
    return json.dumps({"file": state, "crc32": zlib.crc32(json.dumps(state).encode())})


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.closed")

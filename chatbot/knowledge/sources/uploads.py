"""Files that people send: each under a name that is safe everywhere, in a folder of its collection; that folder is a source."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from pathlib import Path
from typing import IO

from chatbot.errors import BadParameter, DocumentRefused
from chatbot.knowledge.sources import collections

MAX_BYTES = 50 * 2**20
"""Of one file; as much as is read of any."""
_STEP = 2**18
_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UNSAFE = re.compile(r"[^\w .()+,=-]")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")
_MAX_STEM_BYTES = 120
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
"""What Windows takes for a device under any suffix. Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file"""
_ARRIVING = re.compile(r"\.[0-9a-f]{16}")
_OURS = {collections.DESCRIPTION, collections.QUESTIONS}


class Uploads:
    """The folders of uploaded files, `<root>/<collection>/<name>`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def folder(self, collection: str) -> Path:
        """Where the files of a collection lie.

        Raises:
            BadParameter: no upload may make a collection of that name.
        """
        if not _COLLECTION.fullmatch(collection) or collection.lower() in _DEVICES:
            raise BadParameter(f"collection {collection[:80]!r}: letters, digits, - and _ make a name, 64 at most")
        return self._root / collection

    def holds(self, location: str) -> bool:
        """True for a source that is one of these folders."""
        return Path(location).parent == self._root

    def receive(self, collection: str, given: str, sent: IO[bytes]) -> Path:
        """Write a file as it is read; whole or not at all, and over an earlier one of the same name.

        Raises:
            BadParameter: see `folder`.
            DocumentRefused: larger than 50 MiB; nothing of it is kept.
        """
        folder = self.folder(collection)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        arriving = folder / f".{secrets.token_hex(8)}"  # a sync passes hidden files over
        size = 0
        try:
            with arriving.open("xb") as file:
                while piece := sent.read(_STEP):
                    size += len(piece)
                    if size > MAX_BYTES:
                        raise DocumentRefused(f"larger than {MAX_BYTES // 2**20} MiB; split it, or give a smaller file")
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            return arriving.replace(folder / safe_name(given))
        finally:
            arriving.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete what was arriving when the process was killed; nobody may be sending while this runs."""
        for file in self._root.glob("*/.*"):
            if _ARRIVING.fullmatch(file.name) and file.is_file():
                file.unlink(missing_ok=True)

    def names(self, collection: str) -> list[str]:
        """Of the uploaded files of a collection."""
        folder = self.folder(collection)
        return sorted(file.name for file in folder.iterdir() if not file.name.startswith(".")) if folder.is_dir() else []

    def remove(self, collection: str, name: str) -> bool:
        """Delete an uploaded file; false where there is none of exactly this name."""
        file = self.folder(collection) / name
        if name != Path(name).name or name.startswith(".") or not file.is_file():
            return False
        file.unlink()
        return True


def safe_name(given: str) -> str:
    """A name that is one name on every system, and shows as what it is. One that had to be changed gets a mark of what it was."""
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", given)[-1])
    stem, suffix = os.path.splitext(last)
    if not _SUFFIX.fullmatch(suffix):
        stem, suffix = last, ""
    kept = _UNSAFE.sub("_", "".join(sign for sign in stem if unicodedata.category(sign)[0] != "C")).strip(" ._")
    kept = kept.encode()[:_MAX_STEM_BYTES].decode(errors="ignore").strip(" .") or "document"
    is_device = kept.partition(".")[0].strip().lower() in _DEVICES
    name = f"{'file-' if is_device else ''}{kept}{suffix}"
    if name == given and name not in _OURS:
        return name
    # two names that come out alike must not overwrite each other
    mark = hashlib.blake2b(given.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{name.removesuffix(suffix)}-{mark}{suffix}"

"""A folder of small documents that changes by a seed, so that a sync of it has something to do in every one of its steps."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

_WORDS = [f"{stem}{ending}" for stem in ("pump", "valv", "rotor", "gaug", "filt", "motor", "seal", "boil", "crank", "axl")
          for ending in ("a", "e", "ing", "er", "ed", "ion", "al", "ous")]  # fmt: skip
_ALWAYS = ("rename", "remove", "change", "touch", "empty", "add")
_ANY = ("add", "change", "change", "remove", "rename")


class Shelf:
    """Knows what lies where."""

    def __init__(self, folder: Path, seed: str, documents: int = 20, suffix: str = ".md") -> None:
        self.folder = folder
        self._suffix = suffix
        self._moments = random.Random(seed)
        self._number = 0
        folder.mkdir(parents=True)
        for _ in range(documents):
            self.add()

    def add(self) -> None:
        self._write(self._new())

    def change(self, changes: int) -> None:
        """One of each kind at least; on average as many documents come as go."""
        for kind in (*_ALWAYS, *self._moments.choices(_ANY, k=changes - len(_ALWAYS))):
            files = sorted(file for file in self.folder.iterdir() if file.stat().st_size)
            file = self._moments.choice(files)
            if kind == "change":
                self._write(file)
            elif kind == "touch":
                file.touch()
            elif kind == "empty":  # it is refused, and the one before is forgotten
                for each in set(self.folder.iterdir()) - set(files):
                    each.unlink()
                self._new().touch()
            elif kind == "remove" and len(files) > 5:
                file.unlink()
            elif kind == "rename":
                file.rename(self._new())
            else:
                self.add()

    def hashes(self) -> dict[str, str]:
        """By path: the hash that the catalogue keeps of a document's bytes."""
        contents = {file.name: file.read_bytes() for file in self.folder.iterdir()}
        return {name: hashlib.blake2b(content, digest_size=16).hexdigest() for name, content in contents.items() if content}

    def _new(self) -> Path:
        self._number += 1
        return self.folder / f"{self._number:05}{self._suffix}"

    def _write(self, file: Path) -> None:
        moments = self._moments
        parts = [
            f"# Part {number} of {moments.getrandbits(40)}\n\n{' '.join(moments.choices(_WORDS, k=moments.randint(5, 40)))}."
            for number in range(moments.randint(1, 6))
        ]
        file.write_text("\n\n".join(parts), encoding="utf-8")


def heading(file: Path) -> str:
    """The first line of a document, which no other one has."""
    return file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")

"""A folder of small documents that changes by a seed: additions, changes, removals and renames. It knows what lies where."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

_WORDS = [f"{stem}{ending}" for stem in ("pump", "valv", "rotor", "gaug", "filt", "motor", "seal", "boil", "crank", "axl")
          for ending in ("a", "e", "ing", "er", "ed", "ion", "al", "ous")]  # fmt: skip


class Shelf:
    def __init__(self, folder: Path, seed: str, documents: int = 20) -> None:
        self.folder = folder
        self._moments = random.Random(seed)
        self._number = 0
        folder.mkdir(parents=True)
        for _ in range(documents):
            self.add()

    def add(self) -> None:
        self._number += 1
        self._write(self.folder / f"{self._number:05}.md")

    def change(self, changes: int) -> None:
        """Some of each; on average as many documents come as go."""
        for _ in range(changes):
            kind = self._moments.choice(("add", "change", "change", "remove", "rename"))
            files = sorted(self.folder.iterdir())
            if kind == "add" or len(files) < 5:
                self.add()
                continue
            file = self._moments.choice(files)
            if kind == "change":
                self._write(file)
            elif kind == "remove":
                file.unlink()
            else:
                self._number += 1
                file.rename(self.folder / f"{self._number:05}.md")

    def hashes(self) -> dict[str, str]:
        """By path: the hash that the catalogue keeps of a document's bytes."""
        return {file.name: hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest() for file in self.folder.iterdir()}

    def _write(self, file: Path) -> None:
        moments = self._moments
        parts = [
            f"# Part {number} of {moments.getrandbits(40)}\n\n{' '.join(moments.choices(_WORDS, k=moments.randint(5, 40)))}."
            for number in range(moments.randint(1, 6))
        ]
        file.write_text("\n\n".join(parts), encoding="utf-8")

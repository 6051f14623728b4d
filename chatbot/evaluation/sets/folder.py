"""The folder that evaluation sets are read from. Nothing of it is shipped, and no path to it is built in."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatbot.errors import DataMissing, UserError

TRAIN = "train"
"""The part of a set that what is measured may have been fitted on."""
_SPLIT = re.compile(r"[A-Za-z0-9_-]+")


class DataFolder:
    """`retrieval/<set>/<split>/...` below a root: the layout of `chatbot eval --data`."""

    def __init__(self, root: Path | None, split: str) -> None:
        """
        Raises:
            UserError: the root is no folder, or the split no name of one.
        """
        if root is not None and not root.is_dir():
            what = "is a file, not a folder" if root.exists() else "is not there"
            raise UserError(f"--data {str(root)!r} {what}; name the folder that holds retrieval/<set>/<split>")
        if not _SPLIT.fullmatch(split):
            raise UserError(f"--split {split!r} is no name of a part; write for example dev")
        self._root = root
        self.split = split

    def part(self, set_: str) -> Path:
        """The folder of a set's part that is measured.

        Raises:
            DataMissing: it is not there.
        """
        return self._there(set_, self.split)

    def file(self, set_: str, *names: str) -> Path:
        """A file of the part that is measured.

        Raises:
            DataMissing: it is not there.
        """
        return self._there(set_, self.split, *names)

    def shared(self, set_: str, *names: str) -> Path:
        """A file that all parts of a set share.

        Raises:
            DataMissing: it is not there.
        """
        return self._there(set_, *names)

    def matching(self, set_: str, pattern: str) -> list[Path]:
        """The files of the part that is measured whose names match: of some sets a name says which part it is of.

        Raises:
            DataMissing: there is none.
        """
        return self._matching(set_, self.split, pattern)

    def training(self, set_: str, pattern: str) -> list[Path]:
        """The files of the part that may be fitted on.

        Raises:
            DataMissing: there is none, or it is the one that is measured.
        """
        if self.split == TRAIN:
            raise DataMissing(f"what is fitted on {TRAIN} is not measured on it")
        return self._matching(set_, TRAIN, pattern)

    def every(self, set_: str, name: str) -> list[Path]:
        """The files of that name in all parts that are there: what is searched may be larger than what is asked.

        Raises:
            DataMissing: the part that is measured has none.
        """
        self.file(set_, name)
        return sorted(self._there(set_).glob(f"*/{name}"))

    def _matching(self, set_: str, part: str, pattern: str) -> list[Path]:
        if found := sorted(self._there(set_, part).glob(pattern)):
            return found
        raise DataMissing(f"retrieval/{set_}/{part} has no {pattern}")

    def _there(self, *names: str) -> Path:
        if self._root is None:
            raise DataMissing("no --data folder was given")
        path = self._root.joinpath("retrieval", *names)
        if not path.exists():
            raise DataMissing(f"{path.relative_to(self._root)} is not there")
        return path


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, packed by gzip or not."""
    yield from map(json.loads, filter(str.strip, text(path).splitlines()))


def table(path: Path, delimiter: str = "\t") -> list[dict[str, str]]:
    """The rows of a file whose first line names the columns; no sign quotes."""
    return list(csv.DictReader(text(path).splitlines(), delimiter=delimiter, quoting=csv.QUOTE_NONE))


def text(path: Path) -> str:
    """A text file, packed by gzip or not."""
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")

"""Short texts that people type, each with what is wanted: BANKING77 and CLINC150."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from chatbot.evaluation.sets.folder import DataFolder, lines

OUT_OF_SCOPE = "oos"
"""CLINC150's name for what is none of its intents."""

_LABELS = MappingProxyType({"banking77": "category", "clinc150": "intent"})


class Intents(NamedTuple):
    """Texts and their labels, in the order of the file."""

    texts: list[str]
    labels: list[str]

    def without(self, label: str) -> Intents:
        """All others."""
        kept = [(text, each) for text, each in zip(self.texts, self.labels, strict=True) if each != label]
        return Intents([text for text, _ in kept], [each for _, each in kept])


def intents(data: DataFolder, set_: str) -> Intents:
    """Of the part that is measured.

    Raises:
        DataMissing: as `DataFolder.matching`.
    """
    return _read(set_, data.matching(set_, "*.jsonl.gz"))


def training_intents(data: DataFolder, set_: str) -> Intents:
    """To fit on.

    Raises:
        DataMissing: as `DataFolder.training`.
    """
    return _read(set_, data.training(set_, "*.jsonl.gz"))


def _read(set_: str, paths: Iterable[Path]) -> Intents:
    rows = [row for path in paths for row in lines(path)]
    return Intents([str(row["text"]) for row in rows], [str(row[_LABELS[set_]]) for row in rows])

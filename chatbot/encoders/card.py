"""A compiled encoder on disk: where it lies, what it was made from, and whether it still holds. It knows not how to run it."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from chatbot.checksum import checksum
from chatbot.encoders import Precision, weights

FILE = "encoder.json"
TOKENIZER = "tokenizer.json"
_READABLE = 60


class Card(BaseModel):
    """What the compile step wrote down."""

    name: str
    """The model's full name; the folder's is only like it."""
    fingerprint: str
    dimension: int
    max_tokens: int
    precision: Precision
    cosine: float
    """Worst cosine to sentence-transformers in f32 over the probe sentences."""
    source: Path
    stamps: dict[str, tuple[int, int]]
    """`weights.stamps` of `source` as it was compiled."""
    files: dict[str, tuple[int, int]]
    """Size in bytes and checksum of every file that was written, so that one that was cut short or lost a bit is made anew."""


class Place(NamedTuple):
    """Where a model is compiled, or would be."""

    name: str
    folder: Path

    def card(self) -> Card | None:
        """The card, if what lies here is undamaged, of this model as it is now, and made for this CPU."""
        card = read(self.folder)
        return card if card and self._is_of(card) else None

    def described(self) -> Card | None:
        """The card, if what lies here is whole, and of this model as it is now; made for whatever CPU."""
        card = _written(self.folder)
        return card if card and self._is_of(card) else None

    def _is_of(self, card: Card) -> bool:
        return card.name == self.name and not _stale(card)


def read(folder: Path) -> Card | None:
    """The card of a folder, if what lies there is undamaged and made for this CPU; the model may have changed since."""
    from chatbot.encoders import runtime  # a second, which whoever only asks for the description need not wait

    card = _written(folder)
    return card if card and card.precision in runtime.precisions() and _undamaged(folder, card) else None


def folders(cache: Path) -> list[Path]:
    """Where models are compiled, or were."""
    return sorted(path.parent for path in cache.glob(f"*/{FILE}"))


def _written(folder: Path) -> Card | None:
    try:
        card = Card.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return card if _whole(folder, card) else None


def place(model: str, cache: Path) -> Place:
    """Find the place of `model`: a folder on this machine goes by its whole path, a model of the hub by its name."""
    path = os.path.abspath(os.path.expanduser(model))
    local = Place(path, cache / _folder_name(path))
    # a compiled model outlives the folder it was made from
    return local if weights.is_here(path) or local.folder.exists() else Place(model, cache / _folder_name(model))


def _folder_name(name: str) -> str:
    """For people to recognize, and by its hash no other model's, nor anything above the cache."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", name)[-_READABLE:].strip("-.")
    return f"{readable}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def _whole(folder: Path, card: Card) -> bool:
    try:
        return all((folder / name).stat().st_size == size for name, (size, _) in card.files.items())
    except OSError:
        return False


def _undamaged(folder: Path, card: Card) -> bool:
    try:
        return all(checksum(folder / name) == noted for name, (_, noted) in card.files.items())
    except OSError:
        return False


def _stale(card: Card) -> bool:
    """True if the model's files changed since; weights that are gone do not matter, the graph holds them."""
    return weights.is_here(card.source) and weights.stamps(card.source) != card.stamps

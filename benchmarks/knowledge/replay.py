"""An encoder that costs next to nothing: vectors replayed from the hash of the text, so that what is measured is all the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from chatbot.bootstrap import Application
from chatbot.encoders import Vectors, bi_encoder, card
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.encoders.card import Card
from chatbot.settings import EncoderSettings, Settings

_MODEL = EncoderSettings().model
_HIDDEN = 32
"""Vectors of real text vary in a few dozen directions. In all 384 alike, no vector would be near another."""


class Replayed(BiEncoder):
    """The same card, the same tokenizer, vectors of the same length; the graph is not even loaded."""

    def __init__(self, folder: Path) -> None:  # the parent's would load it
        self.card = Card.model_validate_json((folder / card.FILE).read_bytes())
        self.models = folder.parent
        self.tokenizer_file = folder / "tokenizer.json"
        self.encode_query = lru_cache(1)(self._replay_query)
        self.encoded = 0
        """Texts encoded so far, questions aside."""
        self._directions = np.random.default_rng(1).standard_normal((_HIDDEN, self.card.dimension), np.float32)

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += len(texts)
        return self._vectors(texts)

    def encode_short(self, texts: Sequence[str]) -> Vectors:
        return self._vectors(texts)

    def trust(self, text: str) -> float:
        """A replayed vector is as good for a question in any language."""
        return 1.0

    def _replay_query(self, text: str) -> Vectors:
        return self._vectors([text])[0]

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.card.dimension), np.float32)
        digests = b"".join(hashlib.blake2b(text.encode(), digest_size=2 * _HIDDEN).digest() for text in texts)
        hidden = np.frombuffer(digests, np.uint16).reshape(len(texts), _HIDDEN).astype(np.float32) / 2**15 - 1
        vectors = hidden @ self._directions
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def compiled(work: Path) -> Path:
    """The folder of the real encoder, compiled into `work` once."""
    bi_encoder.load(_MODEL, work / "models")
    return card.place(_MODEL, work / "models").folder


@contextmanager
def application(data: Path, encoder: Replayed, **flags: Any) -> Generator[Application]:
    """The product over a data directory of its own, without the built-in knowledge, encoding with `encoder`.

    `flags` are settings.
    """
    knowledge = data.with_name(f"{data.name}-knowledge")
    knowledge.mkdir(parents=True, exist_ok=True)
    data.mkdir(exist_ok=True)
    if not (models := data / "models").exists():
        models.symlink_to(encoder.models.resolve())  # the splitter asks for the tokenizer by its place

    settings = Settings(data_dir=data, knowledge=knowledge, **flags)
    with mock.patch.object(bi_encoder, "load", return_value=encoder), Application(settings, "bench") as opened:
        yield opened

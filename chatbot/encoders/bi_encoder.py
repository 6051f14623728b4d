"""The bi-encoder: text to unit vectors. A warm start reads the compiled graph and imports neither torch nor transformers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ValidationError
from tokenizers import Encoding, Tokenizer

from chatbot.encoders import Vectors, runtime, weights
from chatbot.encoders.compile import compile_encoder
from chatbot.encoders.runtime import Batch, Graph, Precision

_BATCH = 16
_REMEMBERED_QUERIES = 1024


class _WeightsFile(BaseModel):
    path: Path
    size: int
    mtime_ns: int


class Card(BaseModel):
    """What the compile step wrote down about a compiled encoder."""

    fingerprint: str
    dimension: int
    max_tokens: int
    precision: Precision
    cosine: float
    """Worst cosine to sentence-transformers in f32 over the probe sentences."""
    weights: _WeightsFile
    files: dict[str, int]
    """Size of every file that was written, so that one cut short is made anew."""


class BiEncoder(Embeddings):
    """Encodes queries one at a time on one thread, documents in batches on all cores.

    Vectors are float32, unit length, `card.dimension` wide.
    """

    def __init__(self, folder: Path, card: Card, threads: int = 1) -> None:
        self.card = card
        self.tokenizer_file = folder / "tokenizer.json"
        self._tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        self._tokenizer.enable_truncation(card.max_tokens)
        self._tokenizer.no_padding()
        self._graph = Graph(folder / "model.xml", card.precision, threads)
        self.encode_query = lru_cache(_REMEMBERED_QUERIES)(self._encode_query)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode documents: n texts to n × dimension, in the order given."""
        if not texts:
            return np.empty((0, self.card.dimension), np.float32)
        order, batches = self._batches(texts)
        vectors = np.concatenate(self._graph.infer_many(batches))
        return _unit(vectors)[np.argsort(order)]

    def encode_short(self, texts: Sequence[str]) -> Vectors:
        """Encode a few sentences at once on the query thread, without waking the others."""
        if not texts:
            return np.empty((0, self.card.dimension), np.float32)
        order, batches = self._batches(texts)
        return _unit(np.concatenate([self._graph.infer(batch) for batch in batches]))[np.argsort(order)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.encode_query(text).tolist()

    def _encode_query(self, text: str) -> Vectors:
        vector = _unit(self._graph.infer(_pad([self._tokenizer.encode(text)])))[0]
        vector.setflags(write=False)  # it is remembered and shared
        return vector

    def _batches(self, texts: Sequence[str]) -> tuple[list[int], list[Batch]]:
        encodings = self._tokenizer.encode_batch(list(texts))
        # neighbours of equal length waste no padding
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        groups = (order[i : i + _BATCH] for i in range(0, len(order), _BATCH))
        return order, [_pad([encodings[i] for i in group]) for group in groups]


def load(model: str, cache: Path, threads: int = 1) -> BiEncoder:
    """Load `model`, compiling it into `cache` when it is not there yet, was made from other weights, or for another CPU.

    Raises:
        WeightsMissing: the weights are nowhere to be found.
        InternalError: the compiled graph is not faithful to the model.
    """
    folder = cache / re.sub(r"[^A-Za-z0-9.-]+", "-", model).strip("-")
    card = _read_card(folder)
    if card is None or not _whole(folder, card) or _stale(card) or card.precision not in runtime.precisions():
        compile_encoder(weights.locate(model), folder)
        card = Card.model_validate_json((folder / "encoder.json").read_text(encoding="utf-8"))
    return BiEncoder(folder, card, threads)


def _read_card(folder: Path) -> Card | None:
    try:
        return Card.model_validate(json.loads((folder / "encoder.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, ValidationError):
        return None


def _whole(folder: Path, card: Card) -> bool:
    try:
        return all((folder / name).stat().st_size == size for name, size in card.files.items())
    except OSError:
        return False


def _stale(card: Card) -> bool:
    """True if the weights file changed since; weights that are gone do not matter, the graph holds them."""
    try:
        stat = card.weights.path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) != (card.weights.size, card.weights.mtime_ns)


def _pad(encodings: list[Encoding]) -> Batch:
    width = max(len(encoding.ids) for encoding in encodings)
    ids = np.zeros((len(encodings), width), np.int64)
    mask = np.zeros((len(encodings), width), np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return ids, mask


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

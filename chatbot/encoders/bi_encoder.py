"""The bi-encoder: text to unit vectors. A warm start reads the compiled graph and imports neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from tokenizers import Encoding, Tokenizer

from chatbot.encoders import Vectors, card, vocabulary, weights
from chatbot.encoders.card import TOKENIZER, Card
from chatbot.encoders.compile import compile_encoder
from chatbot.encoders.memory import Memory
from chatbot.encoders.runtime import Batch, Graph

_BATCH = 16
_WIDTHS = 8
"""A batch is as wide as a multiple of this: OpenVINO makes kernels for every width it meets, and padding costs a fortieth."""
_REMEMBERED_QUERIES = 1024
_REMEMBERED_SENTENCES = 512
"""Those of a few questions: confidence and the engine that quotes weigh the same ones."""


class BiEncoder(Embeddings):
    """Encodes queries one at a time on one thread, documents in batches on all cores.

    Vectors are float32, unit length, `card.dimension` wide.
    """

    def __init__(self, folder: Path, card: Card, threads: int = 1) -> None:
        self.card = card
        self.tokenizer_file = folder / TOKENIZER
        self._tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        self._tokenizer.enable_truncation(card.max_tokens)
        self._tokenizer.no_padding()
        self._graph = Graph(folder / "model.xml", card.precision, threads)
        self.encode_query = lru_cache(_REMEMBERED_QUERIES)(self._encode_query)
        self._sentences: Memory[str, Vectors] = Memory(_REMEMBERED_SENTENCES)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode documents: n texts to n × dimension, in the order given."""
        if not texts:
            return np.empty((0, self.card.dimension), np.float32)
        order, batches = self._batches(texts)
        vectors = np.concatenate(self._graph.infer_many(batches))
        return _unit(vectors)[np.argsort(order)]

    def encode_short(self, texts: Sequence[str]) -> Vectors:
        """Encode a few sentences at once on the query thread, without waking the others. The last ones are remembered."""
        if not texts:
            return np.empty((0, self.card.dimension), np.float32)
        return np.stack(self._sentences.of(texts, self._encode_short))

    def trust(self, text: str) -> float:
        """How far a query's vector says what it is about, in [0, 1]; see `vocabulary.trust`."""
        return vocabulary.trust(self._tokenizer, text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.encode_query(text).tolist()

    def _encode_query(self, text: str) -> Vectors:
        vector = _unit(self._graph.infer(_pad([self._tokenizer.encode(text)])))[0]
        vector.setflags(write=False)  # it is remembered and shared
        return vector

    def _encode_short(self, texts: Sequence[str]) -> Vectors:
        order, batches = self._batches(texts)
        return _unit(np.concatenate([self._graph.infer(batch) for batch in batches]))[np.argsort(order)]

    def _batches(self, texts: Sequence[str]) -> tuple[list[int], list[Batch]]:
        encodings = self._tokenizer.encode_batch(list(texts))
        # neighbours of equal length waste no padding
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        groups = (order[i : i + _BATCH] for i in range(0, len(order), _BATCH))
        return order, [_pad([encodings[i] for i in group], _WIDTHS) for group in groups]


def load(model: str, cache: Path, threads: int = 1) -> BiEncoder:
    """Load `model`, compiling it into `cache` when it is not there yet, was made from other weights, or for another CPU.

    Raises:
        WeightsMissing: the weights are nowhere to be found.
        InternalError: the compiled graph is not faithful to the model.
    """
    place = card.place(model, cache)
    if (found := place.card()) is None:
        compile_encoder(weights.locate(place.name), place.folder, place.name)
        found = Card.model_validate_json((place.folder / card.FILE).read_bytes())
    return BiEncoder(place.folder, found, threads)


def find(fingerprint: str, cache: Path, threads: int = 1) -> BiEncoder | None:
    """The encoder that made certain vectors, if it is still compiled in `cache`."""
    for folder in card.folders(cache):
        if (found := card.read(folder)) and found.fingerprint == fingerprint:
            return BiEncoder(folder, found, threads)
    return None


def _pad(encodings: list[Encoding], multiple: int = 1) -> Batch:
    width = -(-max(len(encoding.ids) for encoding in encodings) // multiple) * multiple
    ids = np.zeros((len(encodings), width), np.int64)
    mask = np.zeros((len(encodings), width), np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return ids, mask


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

"""The cross-encoder reads a question and a passage together: is it about this, does it hold the answer, and in which sentence.

A warm start reads the compiled graph and imports neither torch nor transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from chatbot.checksum import checksum
from chatbot.encoders import card, weights
from chatbot.encoders.card import TOKENIZER, Card
from chatbot.encoders.compile_reader import compile_reader
from chatbot.encoders.memory import Memory
from chatbot.encoders.runtime import Batch, Graph

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
"""The adapter was trained on these weights and fits no others."""

ADAPTER = Path(__file__).parent / "adapters" / "reader.safetensors"

MAX_QUESTION_TOKENS = 64
_BATCH = 8
_WIDTHS = 16
"""A batch is as wide as a multiple of this: OpenVINO makes kernels for every width it meets."""
_HEADER = 2


_REMEMBERED = 256
"""Readings, of a dozen questions or more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one passage says to one question."""

    relevance: float
    """A logit; compares between passages of the same question only."""
    answerable: float
    """In [0, 1]: does the passage hold the answer? Compares between questions, too."""
    evidence: NDArray[np.float32]
    """One logit per token of the passage."""
    offsets: NDArray[np.int64]
    """tokens × 2: where each begins and ends, in characters of the passage."""

    def sentence(self, start: int, end: int) -> float:
        """How much the sentence between two characters is the answer: a logit, which compares between all passages of a question.

        Minus infinity for what lies behind the last token that was read.
        """
        touched = (self.offsets[:, 0] < end) & (self.offsets[:, 1] > start)
        return float(np.logaddexp.reduce(self.evidence[touched])) if touched.any() else -np.inf


class CrossEncoder:
    """Reads passages in batches of about equal length."""

    def __init__(self, folder: Path, card: Card, threads: int = 2) -> None:
        self.card = card
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.enable_truncation(card.max_tokens, strategy="only_second")
        self._plain = Tokenizer.from_file(str(folder / TOKENIZER))
        self._plain.enable_truncation(MAX_QUESTION_TOKENS)
        self._graph = Graph(folder / "model.xml", card.precision, threads)
        self._remembered: Memory[tuple[str, str], Reading] = Memory(_REMEMBERED)

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """One reading per passage, in the order given. Of a passage, as much is read as fits beside the question.

        What was read lately is remembered: an engine asks again for the best of the passages that were put in order by it.
        """
        pairs = [(question, passage) for passage in passages]
        return self._remembered.of(pairs, lambda new: self._read(question, [passage for _, passage in new]))

    def _read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        asked = self._shortened(question)
        encodings = self._tokenizer.encode_batch([(asked, passage) for passage in passages])
        order = sorted(range(len(passages)), key=lambda i: -len(encodings[i].ids))
        readings: dict[int, Reading] = {}
        for first in range(0, len(order), _BATCH):
            some = order[first : first + _BATCH]
            rows = self._graph.infer(_pad([encodings[i] for i in some]))
            readings.update((i, _reading(row, encodings[i])) for i, row in zip(some, rows, strict=True))
        return [readings[i] for i in range(len(passages))]

    def _shortened(self, question: str) -> str:
        """The first words of a long question: a passage must find room beside it."""
        spans = self._plain.encode(question, add_special_tokens=False).offsets
        return question[: spans[-1][1]] if spans else ""


def titled(title: str, text: str) -> tuple[str, int]:
    """A passage as it was read in training, behind its title where it has one, and where its own text begins in that."""
    return (f"{title}. {text}", len(title) + 2) if title else (text, 0)


def load(cache: Path, threads: int = 2, adapter: Path = ADAPTER) -> CrossEncoder:
    """Load the reader, compiling it into `cache` when it is not there yet, was made from other files, or for another CPU.

    Raises:
        WeightsMissing: the weights under the adapter are nowhere to be found.
        InternalError: the compiled graph is not faithful to the network.
    """
    place = card.place(f"{MODEL} with reader {checksum(adapter):08x}", cache / "readers")
    if (found := place.card()) is None:
        compile_reader(weights.locate(MODEL), adapter, place.folder, place.name)
        found = Card.model_validate_json((place.folder / card.FILE).read_bytes())
    return CrossEncoder(place.folder, found, threads)


def _pad(encodings: list[Encoding]) -> Batch:
    width = -(-max(len(encoding.ids) for encoding in encodings) // _WIDTHS) * _WIDTHS
    ids = np.zeros((len(encodings), width), np.int64)
    mask = np.zeros((len(encodings), width), np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return ids, mask


def _reading(row: NDArray[np.float32], encoding: Encoding) -> Reading:
    of_passage = [i for i, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
    offsets = np.array([encoding.offsets[i] for i in of_passage], np.int64).reshape(-1, 2)
    return Reading(
        relevance=float(row[0]),
        answerable=float(1 / (1 + np.exp(-max(row[1], -80)))),
        evidence=row[_HEADER:][of_passage],
        offsets=offsets,
    )

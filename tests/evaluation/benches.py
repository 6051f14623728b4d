"""A bench over a folder of small sets, with an encoder that knows words and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from fakes import ScriptedEngine, scripted_pipeline

from chatbot.evaluation.bench import Bench
from chatbot.evaluation.classifying import Vectors
from chatbot.evaluation.corpus import Corpora, Store
from chatbot.evaluation.sets.folder import DataFolder

_DIMENSION = 64


class WordEncoder:
    """Unit vectors that are nearer the more words two texts share."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.full((len(texts), _DIMENSION), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, int(hashlib.sha256(word.encode()).hexdigest(), 16) % _DIMENSION] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def bench(root: Path | None, split: str = "dev", limit: int | None = None) -> Bench:
    @contextmanager
    def opened(_: Path) -> Generator[Store]:
        yield cast(Store, SimpleNamespace(encoder=WordEncoder(), pipeline=scripted_pipeline(ScriptedEngine())))

    def never() -> Any:
        raise AssertionError("nothing here asks the user's own documents")

    return Bench(DataFolder(root, split), Corpora((root or Path()) / "work", opened, lambda _: None), never, never, limit)


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Packed JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))


def write_sick(path: Path, rows: Sequence[tuple[str, str, float, str]]) -> None:
    """SICK's own columns."""
    head = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
    lines = [f"{number}\t{a}\t{b}\t{score}\t{label}" for number, (a, b, score, label) in enumerate(rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join([head, *lines]).encode()))

"""A process that takes in documents by one system and prints what that cost: `python -m benchmarks.knowledge.ingesting --help`.

What is counted begins when everything is imported and opened, and ends when all documents can be found; the children of the
process are counted in.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import resource
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document

from benchmarks.knowledge.replay import Replayed, application
from chatbot.knowledge.indexes.dense import DenseIndex
from chatbot.knowledge.store.catalogue import Catalogue

_ADDED_AT_ONCE = 5000
"""Chroma's cost a vector falls until about here."""


class Cost:
    """What the block under `measured` cost, as figures for a record."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}


@contextmanager
def measured() -> Generator[Cost]:
    """CPU-seconds with those of children that ended, wall seconds, and how far memory grew at its highest."""
    cost = Cost()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
    before, cpu, begun = _memory("VmRSS"), _cpu_s(), time.monotonic()
    yield cost
    cost.figures |= {
        "cpu_s": _cpu_s() - cpu,
        "wall_s": time.monotonic() - begun,
        "rss_before_mib": before,
        "growth_mib": _memory("VmHWM") - before,
        "left_mib": _memory("VmRSS") - before,
        "threads": threading.active_count(),
    }


def chatbot(documents: Path, data: Path, models: Path) -> dict[str, Any]:
    """A sync of the folder, sandbox included."""
    encoder = Replayed(models)
    with application(data, encoder) as opened:
        with measured() as cost:
            chunks = sum(report.chunks for report in opened.sync([str(documents)], "bench"))
        return {"chunks": chunks, "dimension": encoder.card.dimension, **cost.figures}


def chroma(documents: Path, data: Path, models: Path) -> dict[str, Any]:
    """Chroma alone, as our index sets it up: the chunks and vectors of a data directory that `chatbot` has made."""
    catalogue = Catalogue(documents / "catalogue.sqlite")
    encoder = Replayed(models)
    index = DenseIndex(data)
    chunks = 0
    with measured() as cost:
        pending: list[Any] = []
        for rows in catalogue.all_rows():
            pending += rows
            if len(pending) >= _ADDED_AT_ONCE:
                chunks += _add(index, pending, encoder)
                pending = []
        chunks += _add(index, pending, encoder)
    index.close()
    catalogue.close()
    return {"chunks": chunks, "dimension": encoder.card.dimension, **cost.figures}


def langchain(documents: Path, data: Path, models: Path) -> dict[str, Any]:
    """LangChain's documented way: recursive splitter of 1,000 characters with 200 shared, then Chroma in its own batches."""
    # by name: both are installed in the environment of the benchmarks alone
    langchain_chroma: Any = importlib.import_module("langchain_chroma")
    splitters: Any = importlib.import_module("langchain_text_splitters")
    encoder = Replayed(models)
    store = langchain_chroma.Chroma("bench", encoder, persist_directory=str(data))
    splitter = splitters.RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    chunks = 0
    with measured() as cost:
        for file in sorted(documents.rglob("*.txt")):
            parts = splitter.split_documents([Document(file.read_text(encoding="utf-8"), metadata={"source": str(file)})])
            if parts:
                store.add_documents(parts)
            chunks += len(parts)
    return {"chunks": chunks, "dimension": encoder.card.dimension, **cost.figures}


def _add(index: DenseIndex, rows: list[Any], encoder: Replayed) -> int:
    vectors = np.asarray(encoder.encode([row.text for row in rows]))
    index.add(rows, {row.embedded_hash: vector for row, vector in zip(rows, vectors, strict=True)})
    return len(rows)


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _memory(field: str) -> float:
    """MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


_SYSTEMS: dict[str, Callable[[Path, Path, Path], dict[str, Any]]] = {"chatbot": chatbot, "Chroma": chroma, "LangChain": langchain}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", choices=_SYSTEMS, required=True)
    parser.add_argument("--documents", type=Path, required=True, help="a folder of texts; for Chroma, a data directory")
    parser.add_argument("--data", type=Path, required=True, help="an empty place for what is stored")
    parser.add_argument("--models", type=Path, required=True, help="the compiled encoder's folder")
    given = parser.parse_args()
    print(json.dumps(_SYSTEMS[given.system](given.documents, given.data, given.models)))


if __name__ == "__main__":
    main()

"""The encoder against sentence-transformers' defaults, alternating in one run: documents per second, and what one question costs.

python benchmarks/encode.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from chatbot import settings
from chatbot.encoders import bi_encoder, weights
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.splitter import Splitter, embedded_text
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.roots import knowledge_folders


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds: int = parser.parse_args().rounds
    configured = settings.load()
    with tempfile.TemporaryDirectory() as scratch:
        encoder = bi_encoder.load(configured.encoder.model, Path(scratch))
        texts = documents(configured, encoder)
        print(f"{len(texts)} chunks of the built-in knowledge; {encoder.card.precision}; load {os.getloadavg()[0]:.1f}")
        # the query figures first: torch's idle threads would be counted with them
        queries(encoder)
        reference = SentenceTransformer(str(weights.locate(configured.encoder.model)), device="cpu")
        compare(encoder, reference, texts, rounds)


def documents(configured: settings.Settings, encoder: bi_encoder.BiEncoder) -> list[str]:
    """The texts that a sync of the built-in knowledge encodes."""
    splitter = Splitter(
        encoder.tokenizer_file, configured.chunks.min_tokens, configured.chunks.max_tokens, encoder.card.max_tokens
    )
    found = collections.discover(knowledge_folders(configured)).values()
    read = [reader.read(path, file.read_bytes()) for each in found for path, file in each.files.items()]
    return [embedded_text(document.title, chunk) for document in read for chunk in splitter.split("", document)]


def compare(encoder: bi_encoder.BiEncoder, reference: SentenceTransformer, texts: list[str], rounds: int) -> None:
    """Print throughput of both and their ratio, round by round alternating."""
    ours: list[float] = []
    theirs: list[float] = []
    vectors = expected = np.empty(0)
    for _ in range(rounds):
        begun = time.perf_counter()
        vectors = encoder.encode(texts)
        ours.append(len(texts) / (time.perf_counter() - begun))
        begun = time.perf_counter()
        expected = np.asarray(reference.encode(texts, show_progress_bar=False))
        theirs.append(len(texts) / (time.perf_counter() - begun))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    cosines = (vectors * expected).sum(axis=1)
    print(f"documents: {statistics.median(ours):.1f} chunks/s, sentence-transformers {statistics.median(theirs):.1f}, "
          f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip
    print(f"cosine to sentence-transformers: mean {cosines.mean():.5f}, worst {cosines.min():.5f}")


def queries(encoder: bi_encoder.BiEncoder, count: int = 200) -> None:
    """Print what one question costs, each text new so that nothing is remembered."""
    wall: list[float] = []
    cpu: list[float] = []
    for number in range(count):
        text = f"how does paragraph {number} of the manual explain the sampling method?"
        begun, spent = time.perf_counter(), time.process_time()
        encoder.encode_query(text)
        wall.append((time.perf_counter() - begun) * 1000)
        cpu.append((time.process_time() - spent) * 1000)
    best, middle = min(wall), statistics.median(wall)
    print(f"query, one thread: best {best:.1f} ms, median {middle:.1f} ms, {statistics.median(cpu):.1f} CPU-ms")


if __name__ == "__main__":
    main()

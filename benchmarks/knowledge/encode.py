"""The row `encode`: chunks a CPU-second of our encoder and of sentence-transformers' default, and what the machine could do."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from benchmarks import record
from chatbot.encoders import bi_encoder, weights
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.splitter import Splitter, embedded_text
from chatbot.settings import ChunkSettings, EncoderSettings

TARGET, AIM = 2.8, 3.5
MIN_COSINE = 0.999
_GEMM = (4096, 384, 1536)
"""Rows, and the widths of the model's largest product."""
_GEMM_RUNS = 20


def compare(folder: Path, work: Path, count: int, rounds: int, file: Path | None) -> None:
    """Print both, alternating, each time over the same `count` chunks of the folder's documents."""
    model = EncoderSettings().model
    encoder = bi_encoder.load(model, work / "models")
    reference = SentenceTransformer(str(weights.locate(model)), device="cpu")
    texts = chunks(folder, encoder, count)
    flop = _flop(texts, reference)
    systems: dict[str, Callable[[], Any]] = {
        "chatbot": lambda: encoder.encode(texts),
        "sentence-transformers": lambda: reference.encode(texts, show_progress_bar=False),
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in systems}
    vectors: dict[str, Any] = {}
    limits: list[float] = []
    for _ in range(rounds):
        for name, encode in systems.items():
            cpu, begun = time.process_time(), time.perf_counter()
            vectors[name] = np.asarray(encode())
            cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - begun
            runs[name].append({"per_cpu_s": count / cpu_s, "per_s": count / wall_s, "gflop_per_cpu_s": flop / cpu_s / 1e9})
        limits.append(_gemm_limit() / 1e9)
    cosines = (vectors["chatbot"] * vectors["sentence-transformers"]).sum(axis=1)
    figures = {"chunks": count, "tflop": flop / 1e12, "gemm_gflop_per_cpu_s": limits, "worst_cosine": float(cosines.min())}
    _print(runs, limits, float(cosines.min()))
    for name in systems:
        record.append(file, "encode", name, {**figures, "precision": encoder.card.precision, "runs": runs[name]})


def chunks(folder: Path, encoder: bi_encoder.BiEncoder, count: int) -> list[str]:
    """What a sync would encode of the folder, in a random order."""
    sizes = ChunkSettings()
    splitter = Splitter(encoder.tokenizer_file, sizes.min_tokens, sizes.max_tokens, encoder.card.max_tokens)
    found: list[str] = []
    for path in sorted(folder.rglob("*.txt")):
        document = reader.read(path.name, path.read_bytes())
        found += [embedded_text(document.title, chunk.heading_path, chunk.text) for chunk in splitter.split("", document)]
        if len(found) >= 4 * count:
            break
    return random.Random(1).sample(found, count)


def _flop(texts: Sequence[str], reference: SentenceTransformer) -> float:
    """Multiplications and additions that the model's matrix products need, without a token of padding.

    A layer of width h and inner width m takes 2(4h² + 2hm) a token; attention takes 4nh a token among n.
    """
    transformer: Any = reference[0]
    config = transformer.auto_model.config
    layers, width, inner = config.num_hidden_layers, config.hidden_size, config.intermediate_size
    tokens: Any = reference.tokenizer(list(texts), truncation=True, max_length=reference.max_seq_length)["input_ids"]
    lengths = np.array([len(each) for each in tokens], np.float64)
    return float(layers * ((8 * width**2 + 4 * width * inner) * lengths + 4 * width * lengths**2).sum())


def _gemm_limit() -> float:
    """FLOP a CPU-second of one large bf16 product on one thread, the best of some: what the machine has to give."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows, inner, columns = _GEMM
    a, b = torch.randn(rows, inner).bfloat16(), torch.randn(inner, columns).bfloat16()
    spent: list[float] = []
    for _ in range(_GEMM_RUNS):
        begun = time.process_time()
        torch.mm(a, b)
        spent.append(time.process_time() - begun)
    torch.set_num_threads(threads)
    return 2 * rows * inner * columns / min(spent)


def _print(runs: dict[str, list[dict[str, float]]], limits: list[float], cosine: float) -> None:
    lines: list[list[str]] = []
    for name, measured in runs.items():
        of_limit = [run["gflop_per_cpu_s"] / limit for run, limit in zip(measured, limits, strict=True)]
        figures = [record.spread([run[key] for run in measured], 1) for key in ("per_cpu_s", "per_s")]
        lines.append([name, *figures, f"{statistics.median(of_limit):.0%}"])
    heads = ("", "chunks/CPU-s", "chunks/s", "of the bf16 GEMM limit (aim 50 %)")
    record.table(f"encoding on {os.cpu_count()} cores; GEMM limit {record.spread(limits, 0)} GFLOP/CPU-s", heads, lines)
    ours, theirs = runs["chatbot"], runs["sentence-transformers"]
    for key, unit in (("per_cpu_s", "CPU-second"), ("per_s", "second")):
        ratios = [a[key] / b[key] for a, b in zip(ours, theirs, strict=True)]
        print(f"chunks a {unit}: {record.spread(ratios)} x sentence-transformers (target {TARGET} x, aim {AIM} x)")
    print(f"worst cosine {cosine:.5f} (target {MIN_COSINE})")

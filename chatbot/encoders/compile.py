"""Compiles a sentence-transformers model once, in a child process: torch's hundreds of megabytes never enter the serving process.

Run as `python -m chatbot.encoders.compile SOURCE TARGET NAME`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.checksum import checksum
from chatbot.encoders import Precision, card, kept_kernels, runtime, weights
from chatbot.errors import InternalError

MIN_COSINE = 0.999
"""Every probe sentence must stay this close to sentence-transformers in f32, or the compiled graph is refused."""

_STAGING = ".compiling-"  # no model's folder begins with a dot
_PROBES = [
    "What is attention?",
    "how do i install this without internet",
    "The quick brown fox jumps over the lazy dog.",
    "Perplexity is the exponential of the average negative log-likelihood per token.",
    "ERROR 1045 (28000): Access denied for user 'app'@'10.0.0.7' (using password: YES)",
    "Der Vertrag kann mit einer Frist von drei Monaten zum Monatsende gekündigt werden.",
    "Residual connections let gradients flow through deep stacks of layers. " * 12,
    "",
]


def compile_encoder(source: Path, target: Path, name: str) -> None:
    """Compile the model in `source`, which is called `name`, into the folder `target`, which appears whole or not at all.

    Raises:
        InternalError: the child failed; the message carries its last line.
    """
    compile_in_child("chatbot.encoders.compile", source, target, name)


def compile_in_child(module: str, source: Path, target: Path, *arguments: str) -> None:
    """Let `module`, run with SOURCE, a folder to write into, and the arguments, make the folder `target`, whole or not at all.

    Raises:
        InternalError: the child failed; the message carries its last line.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left_over in target.parent.glob(f"{_STAGING}*"):  # of a process that was killed while it compiled
        shutil.rmtree(left_over, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=target.parent))
    try:
        command = [sys.executable, "-m", module, str(source), str(staging), *arguments]
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        if child.returncode != 0:
            last = (child.stderr.strip() or "it printed nothing").splitlines()[-1]
            raise InternalError(f"compiling the model in {source} failed: {last}")
        if target.exists():
            shutil.rmtree(target)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _compile_here(source: Path, target: Path, name: str) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    class Pooled(torch.nn.Module):
        """The whole pipeline as one graph: transformer, pooling, normalization."""

        def __init__(self, model: SentenceTransformer) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]

    stamps = weights.stamps(source)  # first, so that a change while it compiles is noticed the next time
    model = SentenceTransformer(str(source), device="cpu", local_files_only=True)
    tokens = model.tokenizer(_PROBES, padding=True, truncation=True, max_length=model.max_seq_length, return_tensors="np")
    batch = (tokens["input_ids"].astype(np.int64), tokens["attention_mask"].astype(np.int64))
    example = {"input_ids": torch.ones(2, 8, dtype=torch.long), "attention_mask": torch.ones(2, 8, dtype=torch.long)}
    with torch.inference_mode():
        runtime.convert(Pooled(model), example, target / "model.xml")
    reference = model.encode(_PROBES, normalize_embeddings=True)
    precision, cosine = _fastest_faithful(target / "model.xml", batch, reference)
    model.tokenizer.backend_tokenizer.save(str(target / "tokenizer.json"))
    shutil.rmtree(target / kept_kernels.FOLDER, ignore_errors=True)  # kept by the graph's place, which will be another
    written = card.Card(
        name=name,
        fingerprint=weights.fingerprint(source, precision),
        dimension=int(reference.shape[1]),
        max_tokens=int(model.max_seq_length or 512),
        precision=precision,
        cosine=round(cosine, 6),
        source=source.absolute(),
        stamps=stamps,
        files={path.name: (path.stat().st_size, checksum(path)) for path in target.iterdir() if path.is_file()},
    )
    (target / card.FILE).write_text(written.model_dump_json(indent=2), encoding="utf-8")


def _fastest_faithful(graph: Path, batch: runtime.Batch, reference: Any) -> tuple[Precision, float]:
    worst = 0.0
    for precision in runtime.precisions():
        vectors = runtime.Graph(graph, precision).infer(batch)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        worst = float((vectors * reference).sum(axis=1).min())
        if worst >= MIN_COSINE:
            return precision, worst
    raise InternalError(f"the compiled model differs from sentence-transformers: cosine {worst:.5f} is below {MIN_COSINE}")


if __name__ == "__main__":
    _compile_here(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])

"""Compiles the cross-encoder once, in a child process: the bi-encoder's weights with the adapter's added.

Run as `python -m chatbot.encoders.compile_reader SOURCE TARGET NAME ADAPTER`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.checksum import checksum
from chatbot.encoders import Precision, card, kept_kernels, runtime, weights
from chatbot.encoders.compile import compile_in_child
from chatbot.errors import InternalError

MAX_TOKENS = 256
MIN_COSINE = 0.999
"""The outputs for every probe must stay this close to torch in f32, or the compiled graph is refused."""

_PASSAGE = (
    "The tower was finished in 1889 by the engineer Gustave Eiffel. It is 330 metres tall, and repainted every seven years. "
)
_PROBES = [
    ("When was the tower finished?", _PASSAGE),
    ("How tall is it?", _PASSAGE * 6),
    ("Who wrote the constitution?", _PASSAGE),
    ("how do i install this", "Run the installer. It asks for nothing, and needs no network."),
    ("", ""),
]


def compile_reader(source: Path, adapter: Path, target: Path, name: str) -> None:
    """Compile the weights in `source` with the adapter, together called `name`, into the folder `target`.

    Raises:
        InternalError: the child failed; the message carries its last line.
    """
    compile_in_child("chatbot.encoders.compile_reader", source, target, name, str(adapter))


def _compile_here(source: Path, target: Path, name: str, adapter: Path) -> None:
    import torch
    from tokenizers import Tokenizer

    from chatbot.encoders import reader_network

    stamps = weights.stamps(source)  # first, so that a change while it compiles is noticed the next time
    network = reader_network.adapted(source, adapter)
    tokenizer = Tokenizer.from_file(str(source / card.TOKENIZER))
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(_PROBES)
    batch = (np.array([each.ids for each in encodings]), np.array([each.attention_mask for each in encodings]))
    example = {"input_ids": torch.from_numpy(batch[0]), "attention_mask": torch.from_numpy(batch[1])}
    with torch.inference_mode():
        runtime.convert(network, example, target / "model.xml")
        reference = network(**example).numpy()
    precision, cosine = _fastest_faithful(target / "model.xml", batch, reference)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(target / card.TOKENIZER))
    shutil.rmtree(target / kept_kernels.FOLDER, ignore_errors=True)  # kept by the graph's place, which will be another
    written = card.Card(
        name=name,
        fingerprint=weights.fingerprint(source, f"{precision} {checksum(adapter)}"),
        dimension=reader_network.HEADER,
        max_tokens=MAX_TOKENS,
        precision=precision,
        cosine=round(cosine, 6),
        source=source.absolute(),
        stamps=stamps,
        files={path.name: (path.stat().st_size, checksum(path)) for path in target.iterdir() if path.is_file()},
    )
    (target / card.FILE).write_text(written.model_dump_json(indent=2), encoding="utf-8")


def _fastest_faithful(graph: Path, batch: runtime.Batch, reference: Any) -> tuple[Precision, float]:
    """Tokens of another text than the passage's have a logit of -1e4, and are left out."""
    counted = reference > -1e3
    worst = 0.0
    for precision in runtime.precisions():
        found = np.where(counted, runtime.Graph(graph, precision).infer(batch), 0)
        wanted = np.where(counted, reference, 0)
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
        worst = float(((found * wanted).sum(axis=1) / lengths).min())
        if worst >= MIN_COSINE:
            return precision, worst
    raise InternalError(f"the compiled reader differs from torch: cosine {worst:.5f} is below {MIN_COSINE}")


if __name__ == "__main__":
    _compile_here(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))

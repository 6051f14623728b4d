"""Trains the reader: `python -m training.reader --data DIR --out DIR [--minutes N] [--resume]`."""

from __future__ import annotations

import argparse
import os
import pickle
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from chatbot.encoders import bi_encoder, reader_network, weights
from training import attention, export, groups, low_rank, negatives
from training.batches import Batch, batches
from training.data import Passage, Question, load
from training.losses import losses

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
RANK = 64
FROZEN_LAYERS = 2
"""The first layers stay as they are: less to compute, and room for a higher rank above."""
WHOLE = 0.8
"""Share of the time in which whole weights learn; after it they are cut to RANK, and the factors learn."""
LEARNING_RATE = 1e-3
"""Of the heads, and of factors."""
WEIGHTS_RATE = 1.5e-4
"""Of whole weights and of norms."""
WARM_UP = 0.03
CHECKPOINT_S = 360
REPORT_STEPS = 100
CHECKPOINT, ADAPTER = "checkpoint.pt", "reader.safetensors"


class Material(NamedTuple):
    questions: Sequence[Question]
    neighbours: Sequence[Sequence[Passage]]
    tokenizer: Tokenizer


class Trainee:
    """A network, how it learns, and how far it is."""

    def __init__(self, source: Path) -> None:
        torch.manual_seed(0)
        self.network = reader_network.base(source)
        attention.register()
        self.network.bert.set_attn_implementation(attention.PLAIN)
        low_rank.free(self.network.bert, FROZEN_LAYERS)
        self.optimizer = _optimizer(self.network)
        self.is_whole = True
        self.elapsed_s = 0.0
        self.steps = 0

    def compress(self) -> None:
        """Go on with factors in the place of whole weights."""
        low_rank.compress(self.network.bert, RANK)
        self.optimizer = _optimizer(self.network)
        self.is_whole = False

    def learn(self, batch: Batch, progress: float) -> dict[str, float]:
        """One step, `progress` of the whole way in [0, 1]: the learning rate rises to its peak, then falls to nothing."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP))
        parts = losses(self.network.read(batch.ids, batch.mask), batch)
        self.optimizer.zero_grad()
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_([each for each in self.network.parameters() if each.requires_grad], 1.0)
        self.optimizer.step()
        self.steps += 1
        return {name: float(part.detach()) for name, part in parts.items()}

    def save(self, out: Path) -> None:
        """The checkpoint, and the adapter as it would be shipped."""
        state = {"learned": _learned(self.network), "optimizer": self.optimizer.state_dict()}
        partly = out / f".{CHECKPOINT}"
        torch.save({**state, "elapsed_s": self.elapsed_s, "steps": self.steps, "is_whole": self.is_whole}, partly)
        os.replace(partly, out / CHECKPOINT)
        export.write(self.network, RANK, out / ADAPTER)

    def resume(self, out: Path) -> None:
        state = torch.load(out / CHECKPOINT, weights_only=True)
        if not state["is_whole"]:
            self.compress()
        self.network.load_state_dict(state["learned"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        self.elapsed_s, self.steps = state["elapsed_s"], state["steps"]


def main() -> None:
    asked = _arguments()
    asked.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(asked.threads)
    source = weights.locate(MODEL)
    material = _material(asked.data, asked.out)
    trainee = Trainee(source)
    if asked.resume:
        trainee.resume(asked.out)
    train(trainee, material, asked.minutes * 60, asked.out)


def train(trainee: Trainee, material: Material, seconds: float, out: Path) -> None:
    """Learn for so many seconds, those before a resumption included, saving now and then."""
    sums: Counter[str] = Counter()
    tokens, saved_s, started = 0, trainee.elapsed_s, time.monotonic() - trainee.elapsed_s
    for batch in _endless(material, trainee.steps):
        trainee.elapsed_s = time.monotonic() - started
        if trainee.elapsed_s >= seconds:
            break
        if trainee.is_whole and trainee.elapsed_s >= WHOLE * seconds:
            trainee.save(out)
            trainee.compress()
        sums.update(trainee.learn(batch, trainee.elapsed_s / seconds))
        tokens += batch.mask.numel()
        if trainee.steps % REPORT_STEPS == 0:
            means = "  ".join(f"{name} {total / REPORT_STEPS:.3f}" for name, total in sums.items())
            print(f"{trainee.elapsed_s:6.0f} s  step {trainee.steps}  {tokens / 1e6:.2f} M tokens  {means}", flush=True)
            sums.clear()
        if trainee.elapsed_s - saved_s > CHECKPOINT_S:
            trainee.save(out)
            saved_s = trainee.elapsed_s
    trainee.save(out)


def _endless(material: Material, seed: int) -> Iterator[Batch]:
    rng = random.Random(seed)
    while True:
        yield from batches(groups.epoch(material.questions, material.neighbours, rng), material.tokenizer, rng)


def _material(data: Path, out: Path) -> Material:
    """Questions and the passages that look as if they answered them; those are found once and kept in `out`."""
    encoder = bi_encoder.load(MODEL, out / "models", threads=2)
    tokenizer = Tokenizer.from_file(str(encoder.tokenizer_file))
    questions = load(data)
    kept = out / "neighbours.pickle"
    if not kept.exists():
        kept.write_bytes(pickle.dumps(negatives.mine(questions, encoder, out / "passages.npy")))
    return Material(questions, pickle.loads(kept.read_bytes()), tokenizer)  # our own, written a line above


def _optimizer(network: nn.Module) -> torch.optim.AdamW:
    fresh, settled = list[Tensor](), list[Tensor]()
    for name, each in network.named_parameters():
        if each.requires_grad:
            (settled if name.startswith("bert.") and not name.endswith((".up", ".down")) else fresh).append(each)
    groups = [{"params": fresh, "peak": LEARNING_RATE}, {"params": settled, "peak": WEIGHTS_RATE}]
    return torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98), fused=True)


def _learned(network: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach() for name, each in network.named_parameters() if each.requires_grad}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds squad, nqg-pairs, clapnq and covid-qa")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the adapter")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Writes what was learned as the adapter that `chatbot.encoders.reader_network.adapted` reads."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from training import low_rank


def write(network: nn.Module, rank: int, path: Path) -> None:
    """The factors of what the weights learned, and whatever else was learned, in bf16; the file appears whole or not at all."""
    learned = low_rank.learned(network, rank)
    partly = path.with_name(f".{path.name}")
    save_file({name: each.to(torch.bfloat16).contiguous() for name, each in learned.items()}, partly)
    os.replace(partly, path)

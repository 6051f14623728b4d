"""Writes what was learned as the adapter that `chatbot.encoders.reader_network.adapted` reads."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from training import low_rank


def write(network: nn.Module, path: Path) -> None:
    """The factors of the adapters, and whatever else was learned, in bf16; the file appears whole or not at all."""
    learned = {name: each.to(torch.bfloat16).contiguous() for name, each in low_rank.state(network).items()}
    partly = path.with_name(f".{path.name}")
    save_file(learned, partly)
    os.replace(partly, path)

"""Low-rank adapters: a weight stays as it is, and the product of two thin matrices is added to it.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """Adds `up @ down` to a weight. Multiplied out before use: at this width that is faster than two products a token."""

    def __init__(self, rows: int, columns: int, rank: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.down = nn.Parameter(torch.empty(rank, columns).uniform_(-1, 1) * math.sqrt(3 / columns))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.up @ self.down


def adapt(network: nn.Module, rank: int) -> None:
    """Let every linear layer of `network.bert` learn by an adapter; biases, norms and segment embeddings learn as they are."""
    for name, part in list(network.bert.named_modules()):
        if isinstance(part, nn.Linear):
            part.weight.requires_grad_(False)
            parametrize.register_parametrization(part, "weight", LowRank(*part.weight.shape, rank))
        elif isinstance(part, nn.Embedding):
            part.weight.requires_grad_(name.endswith("token_type_embeddings"))


def state(network: nn.Module) -> dict[str, Tensor]:
    """What was learned, by the names that `reader_network.adapted` reads: `x.up` and `x.down` of a weight `x`."""
    learned = {name: each.detach().clone() for name, each in network.named_parameters() if each.requires_grad}
    return {name.replace("parametrizations.weight.0.", "weight."): each for name, each in learned.items()}

"""Low-rank adapters: a weight stays as it is, and beside it the product of two thin matrices is learned.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class LowRank(nn.Module):
    """A linear layer `W x + up (down x) + b`, of which only `up` and `down` learn. All is computed in bf16, learned in f32."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        rows, columns = linear.weight.shape
        self.register_buffer("weight", linear.weight.detach().bfloat16())
        self.register_buffer("bias", linear.bias.detach().bfloat16())
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.down = nn.Parameter(torch.empty(rank, columns).uniform_(-1, 1) * math.sqrt(3 / columns))

    def forward(self, x: Tensor) -> Tensor:
        thin = functional.linear(x, self.down.bfloat16())
        return functional.linear(x, self.weight, self.bias) + functional.linear(thin, self.up.bfloat16())


def adapt(bert: nn.Module, rank: int, frozen: int) -> None:
    """Let the linear layers and norms above the first `frozen` layers learn; everything below stays as it is."""
    bert.requires_grad_(False)
    bert.embeddings.register_forward_hook(lambda _part, _given, made: made.bfloat16())
    for number, layer in enumerate(bert.encoder.layer):
        for part in list(layer.modules()):
            for name, child in list(part.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(part, name, LowRank(child, rank) if number >= frozen else child.bfloat16())
                elif isinstance(child, nn.LayerNorm):
                    child.requires_grad_(number >= frozen)


def state(network: nn.Module) -> dict[str, Tensor]:
    """What was learned, by the names that `reader_network.adapted` reads: `x.up` and `x.down` of a weight `x`."""
    adapters = {name for name, part in network.named_modules() if isinstance(part, LowRank)}
    learned = {name: each.detach().clone() for name, each in network.named_parameters() if each.requires_grad}
    return {
        f"{layer}.weight.{end}" if layer in adapters else name: each
        for name, each in learned.items()
        for layer, _, end in [name.rpartition(".")]
    }

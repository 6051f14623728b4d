"""Linear layers that learn: first whole, then as the product of two thin matrices, which is all that is shipped.

Learning whole takes half as many tokens; what was learned is then cut to a low rank, and the rest of the way heals the cut.
Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Whole(nn.Module):
    """A linear layer whose weight learns in f32 and computes in bf16. Its bias stays."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(linear.weight.detach().clone())
        self.register_buffer("bias", linear.bias.detach().bfloat16(), persistent=False)
        self.register_buffer("start", linear.weight.detach().clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight.bfloat16(), self.bias)

    def factors(self, rank: int) -> tuple[Tensor, Tensor]:
        """The two thin matrices whose product is nearest to what was learned."""
        left, strength, right = torch.linalg.svd((self.weight - self.start).detach(), full_matrices=False)
        root = strength[:rank].sqrt()
        return left[:, :rank] * root, root[:, None] * right[:rank]


class LowRank(nn.Module):
    """A linear layer `W x + up (down x) + b`, of which only `up` and `down` learn. All computes in bf16."""

    def __init__(self, whole: Whole, rank: int) -> None:
        super().__init__()
        self.register_buffer("weight", whole.start.bfloat16(), persistent=False)
        self.register_buffer("bias", whole.bias, persistent=False)
        up, down = whole.factors(rank)
        self.up, self.down = nn.Parameter(up.contiguous()), nn.Parameter(down.contiguous())

    def forward(self, x: Tensor) -> Tensor:
        thin = functional.linear(x, self.down.bfloat16())
        return functional.linear(x, self.weight, self.bias) + functional.linear(thin, self.up.bfloat16())


def free(bert: nn.Module, frozen: int) -> None:
    """Let the weights and norms above the first `frozen` layers learn; everything below stays as it is."""
    bert.requires_grad_(False)
    bert.embeddings.register_forward_hook(lambda _part, _given, made: made.bfloat16())
    for number, layer in enumerate(bert.encoder.layer):
        for part, name, child in _children(layer):
            if isinstance(child, nn.Linear):
                setattr(part, name, Whole(child) if number >= frozen else child.bfloat16())
            elif isinstance(child, nn.LayerNorm):
                child.requires_grad_(number >= frozen)


def compress(bert: nn.Module, rank: int) -> None:
    """Cut what every weight has learned to a low rank; from here on the factors learn."""
    for part, name, child in _children(bert):
        if isinstance(child, Whole):
            setattr(part, name, LowRank(child, rank))


def learned(network: nn.Module, rank: int) -> dict[str, Tensor]:
    """What was learned, by the names that `reader_network.adapted` reads: `x.up` and `x.down` of a weight `x`."""
    found = {name: each.detach() for name, each in network.named_parameters() if each.requires_grad}
    for name, part in network.named_modules():
        if isinstance(part, Whole):
            del found[f"{name}.weight"]
            found[f"{name}.weight.up"], found[f"{name}.weight.down"] = part.factors(rank)
        elif isinstance(part, LowRank):
            found[f"{name}.weight.up"], found[f"{name}.weight.down"] = found.pop(f"{name}.up"), found.pop(f"{name}.down")
    return found


def _children(module: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    return [(part, name, child) for part in module.modules() for name, child in part.named_children()]

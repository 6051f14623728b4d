"""What the reader is taught, each output by a loss of its own."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from chatbot.encoders.reader_network import Read
from training.batches import Batch

SPAN_WEIGHT = 0.5
"""Pointing at the answer is taught only to help the others."""
_NEVER = -1e4


def losses(read: Read, batch: Batch) -> dict[str, Tensor]:
    """Means over the rows or groups that have such a target."""
    groups = int(batch.group.max()) + 1
    member = batch.group[None, :] == torch.arange(groups)[:, None]  # groups × n
    has_gold = (member & batch.gold.any(1)[None, :]).any(1)
    is_group = has_gold & (member.sum(1) > 1)
    return {
        "relevance": _mean(_chosen(read.relevance, batch.answerable > 0, member), is_group),
        "answerable": functional.binary_cross_entropy_with_logits(read.answerable, batch.answerable),
        "evidence": _mean(_evidence(read.evidence, batch, member), has_gold),
        "span": SPAN_WEIGHT * (_pointed(read.starts, batch.start) + _pointed(read.ends, batch.end)) / 2,
    }


def _chosen(logits: Tensor, right: Tensor, member: Tensor) -> Tensor:
    """Per group, minus the logarithm of the softmax of what is right."""
    every = logits.expand(len(member), -1).masked_fill(~member, _NEVER)
    return every.logsumexp(1) - every.masked_fill(~right, _NEVER).logsumexp(1)


def _evidence(logits: Tensor, batch: Batch, member: Tensor) -> Tensor:
    """Per group, minus the logarithm of the share of the gold sentences' tokens among all tokens of the group's passages.

    The passages compete, so that a sentence's score compares across the passages of one question.
    """
    whole = logits.masked_fill(~batch.body, _NEVER).logsumexp(1)
    gold = logits.masked_fill(~batch.gold, _NEVER).logsumexp(1)
    every = whole.expand(len(member), -1).masked_fill(~member, _NEVER).logsumexp(1)
    return every - gold.expand(len(member), -1).masked_fill(~member, _NEVER).logsumexp(1)


def _pointed(logits: Tensor, target: Tensor) -> Tensor:
    known = target >= 0
    return functional.cross_entropy(logits[known], target[known]) if known.any() else logits.sum() * 0


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    return (values * counted).sum() / counted.sum().clamp(min=1)

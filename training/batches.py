"""Turns groups of rows into tensors of about equal length. Knows nothing about models."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from training.groups import Group, Row

MAX_TOKENS = 256
MAX_QUESTION = 64
BATCH_TOKENS = 2560
"""Of a step, padding included."""
_WIDTHS = 16
_SORTED_TOGETHER = 512
"""So many groups are put in order of length at a time, so that neighbours are equally long and an epoch still is mixed."""


class Batch(NamedTuple):
    ids: Tensor
    """n × length int64, padded with 0."""
    mask: Tensor
    group: Tensor
    """n: the number of the row's group in this batch, from 0."""
    answerable: Tensor
    """n float: 1 or 0."""
    body: Tensor
    """n × length bool: tokens of the passage's own text."""
    gold: Tensor
    """n × length bool: tokens of the sentences that answer."""
    start: Tensor
    """n: the token the answer starts with, 0 if there is no answer, -1 if there is but nobody marked it."""
    end: Tensor


def batches(groups: Sequence[Group], tokenizer: Tokenizer, rng: random.Random) -> Iterator[Batch]:
    """All groups in batches of at most BATCH_TOKENS; a group is never divided."""
    for first in range(0, len(groups), _SORTED_TOGETHER):
        some = groups[first : first + _SORTED_TOGETHER]
        rows = [row for group in some for row in group]
        encodings = iter(encode(tokenizer, rows))
        encoded = sorted(([(row, next(encodings)) for row in group] for group in some), key=_longest)
        ready = list(_packed(encoded))
        rng.shuffle(ready)
        yield from ready


def encode(tokenizer: Tokenizer, rows: Sequence[Row]) -> list[Encoding]:
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
    tokenizer.no_padding()
    return tokenizer.encode_batch([(" ".join(row.question.split()[:MAX_QUESTION]), row.passage) for row in rows])


def tensors(groups: Sequence[Sequence[tuple[Row, Encoding]]]) -> Batch:
    """One batch of these groups."""
    rows = [(number, row, encoding) for number, group in enumerate(groups) for row, encoding in group]
    width = -(-max(len(encoding.ids) for _, _, encoding in rows) // _WIDTHS) * _WIDTHS
    n = len(rows)
    ids, mask = torch.zeros(n, width, dtype=torch.long), torch.zeros(n, width, dtype=torch.long)
    body, gold = torch.zeros(n, width, dtype=torch.bool), torch.zeros(n, width, dtype=torch.bool)
    bounds: list[tuple[int, int]] = []
    for i, (_, row, encoding) in enumerate(rows):
        ids[i, : len(encoding.ids)] = torch.tensor(encoding.ids)
        mask[i, : len(encoding.ids)] = 1
        spans = [span if sequence == 1 else None for span, sequence in zip(encoding.offsets, encoding.sequence_ids, strict=True)]
        body[i, _within(spans, [(row.body, len(row.passage))])] = True
        gold[i, _within(spans, row.gold)] = True
        marked = _within(spans, [row.answer]) if row.answer else []
        bounds.append((marked[0], marked[-1]) if marked else (-1, -1) if row.answerable else (0, 0))
    return Batch(
        ids,
        mask,
        torch.tensor([number for number, _, _ in rows]),
        torch.tensor([float(row.answerable) for _, row, _ in rows]),
        body,
        gold,
        torch.tensor([start for start, _ in bounds]),
        torch.tensor([end for _, end in bounds]),
    )


def _packed(encoded: Sequence[list[tuple[Row, Encoding]]]) -> Iterator[Batch]:
    packed: list[list[tuple[Row, Encoding]]] = []
    for group in encoded:  # shortest first, so the last is the widest
        if packed and (sum(map(len, packed)) + len(group)) * (_longest(group) + _WIDTHS) > BATCH_TOKENS:
            yield tensors(packed)
            packed = []
        packed.append(group)
    if packed:
        yield tensors(packed)


def _longest(group: Sequence[tuple[Row, Encoding]]) -> int:
    return max(len(encoding.ids) for _, encoding in group)


def _within(spans: Sequence[tuple[int, int] | None], wanted: Sequence[tuple[int, int]]) -> list[int]:
    """The tokens that touch one of the spans wanted."""
    return [i for i, span in enumerate(spans) if span and any(span[0] < end and start < span[1] for start, end in wanted)]

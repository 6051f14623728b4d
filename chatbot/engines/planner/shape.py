"""What decides a decoder's size: plain integers, alike for every architecture. Knows nothing of config.json."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GroupedAttention:
    """Query heads share key-value heads; kv_heads = heads is multi-head, kv_heads = 1 is multi-query.

    Source: Ainslie et al. 2023, "GQA", https://arxiv.org/abs/2305.13245
    """

    heads: int
    kv_heads: int
    head_dim: int
    qkv_bias: bool = False
    output_bias: bool = False
    head_norm: bool = False
    """Queries and keys are normalized by one weight vector each, of head_dim numbers."""
    sinks: bool = False
    """One learned number a head joins the softmax, as in GPT-OSS."""


@dataclass(frozen=True)
class LatentAttention:
    """Keys and values are rebuilt from one compressed vector a token (MLA).

    Source: DeepSeek-V2, section 2.1, https://arxiv.org/abs/2405.04434
    """

    heads: int
    query_rank: int | None
    """None: queries are projected directly, as in V2-Lite."""
    kv_rank: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    bias: bool = False


@dataclass(frozen=True)
class FeedForward:
    width: int
    gated: bool = True
    """Three matrices (gate, up, down) instead of two."""
    bias: bool = False


@dataclass(frozen=True)
class Experts:
    """A mixture-of-experts layer: a router chooses `active` of `count` feed-forward networks for each token."""

    count: int
    active: int
    expert: FeedForward
    shared: FeedForward | None = None
    """One more network that every token takes."""
    shared_gate: bool = False
    router_bias: bool = False


@dataclass(frozen=True)
class Shape:
    """A decoder-only transformer."""

    architecture: str
    layers: int
    hidden: int
    vocabulary: int
    context: int
    """Longest sequence the model was made for, in tokens."""
    attention: GroupedAttention | LatentAttention
    feed_forward: FeedForward
    """Of the layers without experts."""
    experts: Experts | None = None
    expert_layers: int = 0
    tied: bool = False
    """The output head is the embedding table."""
    head_bias: bool = False
    norms: int = 2
    """Normalizations of a layer, besides those inside the attention."""
    norm_bias: bool = False
    learned_positions: int = 0
    window: int | None = None
    """Sliding-window layers see this many tokens back."""
    window_layers: int = 0
    partial: str = ""
    """What of the checkpoint is not counted."""

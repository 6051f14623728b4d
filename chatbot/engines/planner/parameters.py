"""Counts a model's parameters, exactly, from its shape. Knows nothing of bytes."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.engines.planner.shape import Experts, FeedForward, GroupedAttention, LatentAttention, Shape


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters, by what quantization does with them."""

    linear: int
    """In the matrices of the layers, experts aside: quantization shrinks these."""
    experts: int
    """In the matrices of all routed and shared experts: quantization shrinks these too."""
    rest: int
    """Embeddings, output head, norms, biases, routers: kept in 16 bits."""
    idle: int
    """Of the routed experts, what one token does not pass."""

    @property
    def total(self) -> int:
        return self.linear + self.experts + self.rest

    @property
    def active(self) -> int:
        """What one token passes: all but the experts it is not sent to; the embedding table counts in full."""
        return self.total - self.idle


def count(shape: Shape) -> Parameters:
    """Every parameter of a decoder-only transformer.

    Source: Vaswani et al. 2017, section 3, https://arxiv.org/abs/1706.03762, with the variants that each function names.
    """
    dense_layers = shape.layers - shape.expert_layers
    attention, attention_rest = _attention(shape.attention, shape.hidden)
    dense, dense_bias = _feed_forward(shape.feed_forward, shape.hidden)
    experts = expert_rest = idle = 0
    if shape.experts:
        experts, expert_rest, idle = _experts(shape.experts, shape.hidden)
    norm = shape.hidden * (2 if shape.norm_bias else 1)
    head_norms = _head_norms(shape.attention, shape.norm_bias)
    return Parameters(
        linear=shape.layers * attention + dense_layers * dense,
        experts=shape.expert_layers * experts,
        rest=_embeddings(shape)
        + shape.layers * (attention_rest + head_norms + shape.norms * norm)
        + dense_layers * dense_bias
        + shape.expert_layers * expert_rest
        + norm,
        idle=shape.expert_layers * idle,
    )


def _embeddings(shape: Shape) -> int:
    """Token table, learned positions, and the output head where it is not the table itself.

    Source: Press and Wolf 2017 (tied embeddings), https://arxiv.org/abs/1608.05859; Radford et al. 2019 (GPT-2's positions).
    """
    table = shape.vocabulary * shape.hidden
    head = (0 if shape.tied else table) + (shape.vocabulary if shape.head_bias else 0)
    return table + shape.learned_positions * shape.hidden + head


def _attention(attention: GroupedAttention | LatentAttention, hidden: int) -> tuple[int, int]:
    """Matrices, and biases with what is as small, of one layer's attention."""
    return _grouped(attention, hidden) if isinstance(attention, GroupedAttention) else _latent(attention, hidden)


def _grouped(attention: GroupedAttention, hidden: int) -> tuple[int, int]:
    """Query and output matrices of all heads, key and value matrices of the key-value heads.

    Source: Ainslie et al. 2023, https://arxiv.org/abs/2305.13245; sinks: GPT-OSS model card, section 2.2,
    https://arxiv.org/abs/2508.10925
    """
    queries, values = attention.heads * attention.head_dim, attention.kv_heads * attention.head_dim
    matrices = hidden * (2 * queries + 2 * values)
    biases = (queries + 2 * values if attention.qkv_bias else 0) + (hidden if attention.output_bias else 0)
    return matrices, biases + (attention.heads if attention.sinks else 0)


def _head_norms(attention: GroupedAttention | LatentAttention, bias: bool) -> int:
    """A norm for queries and one for keys, shared by all heads.

    Source: Qwen3 technical report, section 2, https://arxiv.org/abs/2505.09388; Gemma 3 report, section 2,
    https://arxiv.org/abs/2503.19786
    """
    if not isinstance(attention, GroupedAttention) or not attention.head_norm:
        return 0
    return 2 * attention.head_dim * (2 if bias else 1)


def _latent(attention: LatentAttention, hidden: int) -> tuple[int, int]:
    """Down to the compressed vectors, up to heads, and out; each compressed vector has a norm.

    Source: DeepSeek-V2, equations 37-47 (appendix C), https://arxiv.org/abs/2405.04434
    """
    key = attention.nope_dim + attention.rope_dim
    compressed = attention.kv_rank + attention.rope_dim
    rank = attention.query_rank
    queries = attention.heads * key
    matrices = hidden * queries if rank is None else rank * (hidden + queries)
    matrices += hidden * compressed
    matrices += attention.kv_rank * attention.heads * (attention.nope_dim + attention.value_dim)
    matrices += attention.heads * attention.value_dim * hidden
    biases = (rank or 0) + compressed + hidden if attention.bias else 0
    return matrices, attention.kv_rank + (rank or 0) + biases


def _feed_forward(network: FeedForward, hidden: int) -> tuple[int, int]:
    """Matrices and biases of one feed-forward network: up and down, and a gate beside up.

    Source: Shazeer 2020, "GLU variants", https://arxiv.org/abs/2002.05202
    """
    matrices = 3 if network.gated else 2
    return matrices * hidden * network.width, (matrices - 1) * network.width + hidden if network.bias else 0


def _experts(experts: Experts, hidden: int) -> tuple[int, int, int]:
    """Matrices; biases with the router; and what of both is idle for a token: of one mixture-of-experts layer.

    Source: Mixtral, section 2.1, https://arxiv.org/abs/2401.04088; shared experts: DeepSeekMoE, section 3.2,
    https://arxiv.org/abs/2401.06066; the router's bias: DeepSeek-V3, equation 16, https://arxiv.org/abs/2412.19437
    """
    matrices, biases = _feed_forward(experts.expert, hidden)
    shared, shared_biases = _feed_forward(experts.shared, hidden) if experts.shared else (0, 0)
    router = experts.count * hidden + (experts.count if experts.router_bias else 0) + (hidden if experts.shared_gate else 0)
    idle = (experts.count - experts.active) * (matrices + biases)
    return experts.count * matrices + shared, experts.count * biases + shared_biases + router, idle

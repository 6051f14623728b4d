"""Bytes of KV cache, and what a GPU has left for it. Knows nothing of which split is best.

Figures of vLLM are those of its 0.32 and 0.33 releases; what it measures at start-up is estimated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chatbot.engines.planner.shape import LatentAttention, Shape

GIB = 2**30
UTILIZATION = 0.92
"""Share of a GPU that vLLM takes by default.

Source: vllm/config/cache.py, gpu_memory_utilization, https://docs.vllm.ai/en/stable/api/vllm/config/cache/
"""
BLOCK_TOKENS = 16
"""Tokens in a block of the KV cache.

Source: vllm/config/cache.py, DEFAULT_BLOCK_SIZE; Kwon et al. 2023, section 4.1, https://arxiv.org/abs/2309.06180
"""
TYPICAL_TOKENS = 3_000
"""A conversation with this product: five passages of up to 256 tokens each, the instructions, a few earlier turns, an answer
of up to 500 tokens; rounded up."""
_FIXED_RESERVE = GIB
"""CUDA context, communication buffers and CUDA graphs: about 0.5 + 0.5 GiB, an estimate to be on the safe side."""
_MOST_SEQUENCES = 1_024
"""Sequences that vLLM computes at once by default on its largest GPUs.

Source: vllm/engine/arg_utils.py, get_batch_defaults
"""

KvType = Literal["auto", "fp8"]


@dataclass(frozen=True)
class Split:
    """How one copy of a model lies on GPUs: each layer cut in `tensor` parts, the layers in `pipeline` stages."""

    tensor: int
    pipeline: int = 1

    @property
    def gpus(self) -> int:
        return self.tensor * self.pipeline


ONE = Split(1)


def layer_bytes(shape: Shape, split: Split = ONE, kv: KvType = "auto") -> int:
    """KV-cache bytes of one token in one layer on one GPU.

    Keys and values: 2 * key-value heads * head dimension * bytes of a number; with more tensor parts than heads each GPU
    keeps one head. MLA: the compressed vector and the rotary part, whole on every GPU.

    Source: Kwon et al. 2023, section 3, https://arxiv.org/abs/2309.06180; vllm/config/model.py, get_num_kv_heads; MLA:
    DeepSeek-V2, section 2.1.4, https://arxiv.org/abs/2405.04434
    """
    number = 1 if kv == "fp8" else 2
    attention = shape.attention
    if isinstance(attention, LatentAttention):
        return (attention.kv_rank + attention.rope_dim) * number
    return 2 * max(1, attention.kv_heads // split.tensor) * attention.head_dim * number


def sequence_bytes(shape: Shape, tokens: int, split: Split = ONE, kv: KvType = "auto", batch_tokens: int = 0) -> int:
    """KV-cache bytes of one conversation of `tokens` tokens on the fullest GPU, in whole blocks.

    A layer with a sliding window keeps its window, one block that it only partly covers, and, while a prompt is read, the
    `batch_tokens` of the step. Of a pipeline, the first stage counts, with the layers rounded up.

    Source: vllm/v1/kv_cache_interface.py, FullAttentionSpec and SlidingWindowSpec.max_admission_blocks_per_request
    """
    each = layer_bytes(shape, split, kv) * BLOCK_TOKENS
    full_blocks = _blocks(tokens)
    if shape.window is None or not shape.window_layers:
        total = shape.layers * full_blocks
    else:
        window_blocks = min(full_blocks, _blocks(shape.window - 1 + batch_tokens) + 1)
        total = (shape.layers - shape.window_layers) * full_blocks + shape.window_layers * window_blocks
    return each * -(-total // split.pipeline)


def token_bytes(shape: Shape, kv: KvType = "auto") -> int:
    """KV-cache bytes that one more token takes over all layers, while it is inside every window."""
    return shape.layers * layer_bytes(shape, kv=kv)


def batch_tokens(gpu_gib: float) -> int:
    """Tokens that vLLM computes in one step by default.

    Source: vllm/engine/arg_utils.py, get_batch_defaults: 2,048; from 70 GiB (but an A100) 8,192; from 160 GiB 16,384
    """
    return 16_384 if gpu_gib >= 160 else 8_192 if gpu_gib >= 70 else 2_048


def reserve_bytes(shape: Shape, split: Split, gpu_gib: float, sequences: int) -> int:
    """What a step needs beside weights and cache on one GPU: an estimate, above what vLLM usually measures.

    For each token of a step, four copies of the hidden vector and two of the widest inner vector, in 16 bits; for each
    sequence two copies of the logits in 32 bits; 1 GiB for CUDA itself and its graphs.

    Source: Korthikanti et al. 2022, section 4.1 (what a layer keeps while it runs), https://arxiv.org/abs/2205.05198; the
    rest is this project's estimate.
    """
    width = shape.feed_forward.width
    if shape.experts:
        active = shape.experts.active * shape.experts.expert.width + (shape.experts.shared.width if shape.experts.shared else 0)
        width = max(width, active)
    activations = batch_tokens(gpu_gib) * (4 * shape.hidden + 2 * -(-width // split.tensor)) * 2
    logits = min(sequences, _MOST_SEQUENCES) * shape.vocabulary * 4 * 2
    return activations + logits + _FIXED_RESERVE


def _blocks(tokens: int) -> int:
    return -(-tokens // BLOCK_TOKENS)

"""Bytes of a model's weights in each number format. Knows nothing of GPUs."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.engines.planner.config import Fields
from chatbot.engines.planner.parameters import Parameters


@dataclass(frozen=True)
class Format:
    """How the matrices of the layers are stored; what is not quantized takes `other_bits`."""

    name: str
    bits: float
    """Bits a parameter, its share of the scales included."""
    other_bits: int = 16
    experts_only: bool = False
    """Only the experts of a mixture-of-experts model are quantized."""


def _grouped(bits: int, group: int) -> float:
    """Bits a weight with one 16-bit scale and one zero point for each `group` weights.

    Source: AWQ, section 4.1, https://arxiv.org/abs/2306.00978; the file layout of AutoAWQ and GPTQ:
    https://huggingface.co/docs/transformers/quantization/awq
    """
    return bits + (16 + bits) / group


FP32 = Format("fp32", 32, 32)
BF16 = Format("bf16", 16)
FP8 = Format("fp8", 8)
"""Scales are one number for a tensor, a row or a block of 128 x 128: below 0.1 %, not counted.

Source: https://docs.vllm.ai/en/stable/features/quantization/fp8/
"""
INT4 = Format("int4 (AWQ, GPTQ)", _grouped(4, 128))
MXFP4 = Format("mxfp4", 4.25, experts_only=True)
"""4 bits, and an 8-bit scale for 32 weights; dense models: all matrices.

Source: OCP Microscaling Formats 1.0, section 5.2; GPT-OSS model card, section 2.1, https://arxiv.org/abs/2508.10925
"""
FORMATS = (FP32, BF16, FP8, INT4, MXFP4)


def weight_bytes(parameters: Parameters, stored: Format) -> int:
    """Bytes of all weights: quantized matrices at the format's bits, all else at its `other_bits`.

    Source: bytes = parameters * bits / 8; embeddings, head, norms and routers stay in 16 bits as in the formats' own papers
    (see the constants above).
    """
    spared = parameters.linear if stored.experts_only and parameters.experts else 0
    quantized = parameters.linear + parameters.experts - spared
    return round((quantized * stored.bits + (parameters.total - quantized) * stored.other_bits) / 8)


@dataclass(frozen=True)
class Quantization:
    """What a checkpoint says of how its own weights are stored."""

    method: str
    """As quantization_config names it."""
    stored: Format | None
    """None: a method whose size this planner does not know."""


def quantization(fields: Fields) -> Quantization | None:
    """What the checkpoint's quantization_config says; None where the weights are plain numbers.

    Source: https://huggingface.co/docs/transformers/main_classes/quantization
    """
    config = fields.inside("quantization_config")
    if config is None:
        return None
    method = config.text("quant_method", "unknown").lower()
    return Quantization(method, _compressed(config) if method == "compressed-tensors" else _simple(method, config))


def _simple(method: str, config: Fields) -> Format | None:
    if method in {"fp8", "fbgemm_fp8"}:
        return FP8
    if method == "mxfp4":
        return MXFP4
    if method in {"awq", "gptq"}:
        return _integer(config.integer("bits", 4), config.values.get("group_size"))
    return None


def _compressed(config: Fields) -> Format | None:
    """The weights of the first group of compressed-tensors.

    Source: https://github.com/vllm-project/compressed-tensors
    """
    groups = config.inside("config_groups")
    group = groups and next((groups.inside(name) for name in groups.values), None)
    weights = group and group.inside("weights")
    if not weights:
        return None
    bits = weights.integer("num_bits", 8)
    return FP8 if bits == FP8.bits else _integer(bits, weights.values.get("group_size"))


def _integer(bits: int, group: object) -> Format:
    size = group if isinstance(group, int) and group > 0 else None
    if (bits, size) == (4, 128):
        return INT4
    if size is None:  # one scale a row: below 0.1 %
        return Format(f"int{bits}", bits)
    return Format(f"int{bits}, groups of {size}", _grouped(bits, size))

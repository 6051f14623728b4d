"""Plans how vLLM serves one model: the smallest split over GPUs that serves the users. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chatbot.engines.planner import advice, config, families, files, formats, memory, parameters
from chatbot.engines.planner.formats import Quantization
from chatbot.engines.planner.memory import GIB, Split
from chatbot.engines.planner.shape import GroupedAttention, LatentAttention, Shape
from chatbot.engines.planner.value import Fit, Option, Plan, Wish
from chatbot.errors import PlanError

_TENSOR_PARTS = (1, 2, 4, 8)
"""One machine has up to 8 GPUs."""
_STAGES = (2, 4, 8)


def plan(model: str, wish: Wish) -> Plan:
    """Read a model's config.json, count, and find the smallest split that serves `wish.users` conversations at once.

    Raises:
        PlanError: the model cannot be read or counted, or the wish makes no sense.
    """
    _check(wish)
    found = config.read(model)
    shape = families.shape(found.fields)
    counted = parameters.count(shape)
    quantized = formats.quantization(found.fields)
    stored = files.stored(found.folder, shape.tied) if found.folder else None
    planned = replace(wish, context=min(wish.context, shape.context))
    own = quantized.stored if quantized and quantized.stored else formats.BF16
    size = stored.bytes if stored and quantized else formats.weight_bytes(counted, own)
    fit = _choose(shape, size, planned)
    value = Plan(
        model=found.name,
        architecture=shape.architecture,
        layers=shape.layers,
        attention=_attention(shape),
        parameters=counted.total,
        active_parameters=counted.active,
        file_parameters=stored.parameters if stored and not quantized else None,
        file_bytes=stored.bytes if stored else None,
        quantization=quantized.method if quantized else None,
        weights_from="files" if stored and quantized else "upper_bound" if quantized and not quantized.stored else "count",
        kv_bytes_per_token=memory.token_bytes(shape),
        kv_bytes_per_token_fp8=memory.token_bytes(shape, kv="fp8"),
        kv_bytes_full_context=memory.sequence_bytes(shape, planned.context),
        model_context=shape.context,
        context=planned.context,
        typical_tokens=_typical(planned),
        wish=wish,
        options=tuple(_options(shape, counted, quantized, size, planned)),
        fit=fit,
        command=advice.command(found.name, planned, fit) if fit else None,
    )
    return replace(value, warnings=tuple(advice.warnings(value, shape)), notes=tuple(advice.notes(value, shape)))


def _check(wish: Wish) -> None:
    for name, value, least in (("--users", wish.users, 1), ("--context", wish.context, 1), ("--gpus", wish.gpus, 1)):
        if value is not None and not least <= value <= 10**9:
            raise PlanError(f"{name} is {value}; give a whole number from {least}")
    if not 0 < wish.gpu_gib <= 10_000:
        raise PlanError(f"--gpu-memory is {wish.gpu_gib}; give the memory of one GPU in GB, for example 24")


def _attention(shape: Shape) -> str:
    attention = shape.attention
    if isinstance(attention, LatentAttention):
        return f"{attention.heads} heads share one compressed vector (MLA)"
    return f"{attention.heads} query heads, {attention.kv_heads} key-value heads"


def _typical(wish: Wish) -> int:
    return min(memory.TYPICAL_TOKENS, wish.context)


def _options(
    shape: Shape, counted: parameters.Parameters, quantized: Quantization | None, own_size: int, wish: Wish
) -> Iterator[Option]:
    """One for each format, the checkpoint's own among them."""
    own = quantized.stored if quantized else formats.BF16
    listed = {each.name: each for each in (*formats.FORMATS, *([own] if own else []))}
    for each in sorted(listed.values(), key=lambda form: -form.bits):
        size = own_size if each == own else formats.weight_bytes(counted, each)
        yield Option(each.name, size, _needed(shape, size, wish), own=each == own)
    if own is None and quantized:
        yield Option(quantized.method, own_size, _needed(shape, own_size, wish), own=True)


def _needed(shape: Shape, size: int, wish: Wish) -> int | None:
    """GPUs that serve every user, however many one has; None if more than can be planned."""
    return next((each.gpus for each in _fits(shape, size, replace(wish, gpus=None)) if _serves(each, wish)), None)


def _choose(shape: Shape, size: int, wish: Wish) -> Fit | None:
    """The smallest split that serves every user, else the one that serves most, else None: it starts on none."""
    starting = list(_fits(shape, size, wish))
    serving = next((each for each in starting if _serves(each, wish)), None)
    return serving or max(starting, key=lambda each: each.typical_sequences, default=None)


def _serves(fit: Fit, wish: Wish) -> bool:
    return fit.typical_sequences >= wish.users


def _fits(shape: Shape, size: int, wish: Wish) -> Iterator[Fit]:
    """Every split that starts, smallest first."""
    for split in _splits(shape):
        if wish.gpus is None or split.gpus <= wish.gpus:
            fit = _fit(shape, size, wish, split)
            if fit:
                yield fit


def _splits(shape: Shape) -> Iterator[Split]:
    """Tensor parts that divide heads and inner widths evenly, and beyond one machine the layers in stages.

    Source: vllm/config/model.py, verify_with_parallel_config; the rule to split tensors inside a machine and layers between
    machines: https://docs.vllm.ai/en/stable/serving/parallelism_scaling/
    """
    attention = shape.attention
    widths = [shape.feed_forward.width, *([shape.experts.expert.width] if shape.experts else [])]
    tensors = [
        parts
        for parts in _TENSOR_PARTS
        if attention.heads % parts == 0
        and (isinstance(attention, LatentAttention) or _shares(attention, parts))
        and all(width % parts == 0 for width in widths)
    ]
    yield from map(Split, tensors)
    for stages in _STAGES:
        if stages <= shape.layers:
            yield Split(tensors[-1], stages)


def _shares(attention: GroupedAttention, parts: int) -> bool:
    return attention.kv_heads % parts == 0 or parts % attention.kv_heads == 0


def _fit(shape: Shape, size: int, wish: Wish, split: Split) -> Fit | None:
    """What one GPU of a split holds; None if vLLM would not start, because not even one full context fits.

    Source: vllm/v1/core/kv_cache_utils.py, the check of needed against available memory
    """
    usable = int(wish.gpu_gib * GIB * memory.UTILIZATION)
    weights = -(-size // split.gpus)
    reserve = memory.reserve_bytes(shape, split, wish.gpu_gib, wish.users)
    cache = usable - weights - reserve
    if cache < memory.sequence_bytes(shape, wish.context, split, batch_tokens=memory.batch_tokens(wish.gpu_gib)):
        return None
    return Fit(
        tensor_parallel=split.tensor,
        pipeline_parallel=split.pipeline,
        usable_bytes=usable,
        weight_bytes=weights,
        reserve_bytes=reserve,
        cache_bytes=cache,
        full_sequences=cache // memory.sequence_bytes(shape, wish.context, split),
        typical_sequences=cache // memory.sequence_bytes(shape, _typical(wish), split),
    )

"""The command that starts vLLM, and what a person should know first, in plain words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from chatbot.engines.planner import memory
from chatbot.engines.planner.shape import GroupedAttention, LatentAttention, Shape
from chatbot.engines.planner.value import Fit, Plan, Wish

_SMALL = 1_000_000_000
_MACHINE_GPUS = 8


def command(model: str, wish: Wish, fit: Fit) -> str:
    """`vllm serve` with the flags of vLLM 0.32 and 0.33; a quantized checkpoint is recognized by itself.

    Source: https://docs.vllm.ai/en/stable/cli/serve/
    """
    split = {"--tensor-parallel-size": fit.tensor_parallel, "--pipeline-parallel-size": fit.pipeline_parallel}
    flags = [f"{flag} {value}" for flag, value in split.items() if value > 1]
    seats = min(wish.users, max(1, fit.typical_sequences))
    if fit.gpus > _MACHINE_GPUS:
        flags.append("--distributed-executor-backend ray")
    flags += [
        f"--max-model-len {wish.context}",
        f"--max-num-seqs {seats}",
        f"--max-num-queued-reqs {2 * seats}",
        f"--gpu-memory-utilization {memory.UTILIZATION}",
        "--enable-prefix-caching",
        "--enable-prompt-tokens-details",
    ]
    return " ".join(["vllm serve", shlex.quote(model), *flags])


def warnings(plan: Plan, shape: Shape) -> Iterator[str]:
    """What may keep the plan from working, or the answers from being good."""
    if plan.parameters < _SMALL:
        yield (
            f"{plan.parameters / 1e6:,.0f} million parameters: models under 1 billion follow instructions poorly and often "
            "state what the sources do not say. Use it to try things out, not to answer people."
        )
    if plan.wish.context > plan.model_context:
        yield (
            f"--context {plan.wish.context} is more than the {plan.model_context:,} tokens this model was made for; "
            f"planned with {plan.context:,}."
        )
    if plan.fit is None:
        yield f"It does not start on {_at_hand(plan)}: weights and one full context need more memory. {_instead(plan)}"
    elif plan.fit.typical_sequences < plan.wish.users:
        yield (
            f"On {_at_hand(plan)} there is room for {plan.fit.typical_sequences} of {plan.wish.users} users at once; the others "
            f"wait. {_instead(plan)}"
        )
    if plan.weights_from == "upper_bound":
        yield (
            f"The size of weights quantized with {plan.quantization!r} is not known here; planned with 16-bit weights, which is "
            "too much. A folder that also holds the safetensors files gives the exact size."
        )
    if shape.partial:
        yield f"Not counted: {shape.partial}."


def notes(plan: Plan, shape: Shape) -> Iterator[str]:
    """What explains the figures."""
    parts = plan.fit.tensor_parallel if plan.fit else 1
    if isinstance(shape.attention, LatentAttention) and parts > 1:
        yield "MLA keeps its compressed cache whole on every GPU: more GPUs leave more room, but do not share it."
    if isinstance(shape.attention, GroupedAttention) and parts > shape.attention.kv_heads:
        yield f"{parts} GPUs share {shape.attention.kv_heads} key-value heads, so each head is kept on several of them."
    if shape.window and shape.window_layers and plan.context > shape.window:
        yield f"{shape.window_layers} of {shape.layers} layers keep only the last {shape.window:,} tokens in their cache."
    if plan.fit and plan.fit.gpus > _MACHINE_GPUS:
        machines = -(-plan.fit.gpus // _MACHINE_GPUS)
        yield f"{plan.fit.gpus} GPUs are {machines} machines with 8 each; join them with Ray first (handbook page 25)."
    if plan.file_parameters is not None and plan.file_parameters != plan.parameters:
        more = plan.file_parameters - plan.parameters
        yield (
            f"The files hold {abs(more):,} numbers {'more' if more > 0 else 'fewer'} than config.json calls for; vLLM loads what "
            "the architecture has. Other parts of the model, or files of another model, may lie in the folder."
        )


def _at_hand(plan: Plan) -> str:
    number = plan.wish.gpus
    size = f"{plan.wish.gpu_gib:g} GB"
    if number is None:
        return f"up to 64 GPUs of {size}"
    return f"{number} GPU{'s' if number > 1 else ''} of {size}"


def _instead(plan: Plan) -> str:
    """What would serve everyone: by format, with the fewest GPUs."""
    how = {"fp8": "fp8 weights (--quantization fp8)", "int4 (AWQ, GPTQ)": "a checkpoint in int4 (AWQ or GPTQ)"}
    ways = [
        f"{f'these {each.format} weights' if each.own else how[each.format]} on {each.gpus}"
        for each in plan.options
        if each.gpus and (each.own or (each.format in how and not plan.quantization))
    ]
    if ways:
        return f"What would serve all, in GPUs of this size: {', '.join(ways)}."
    return "Take GPUs with more memory, a smaller model, a shorter --context, or several copies of the server."

"""What `chatbot plan` prints: a plan for people in 80 columns, for scripts as JSON."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator

from chatbot.engines.planner.memory import GIB, UTILIZATION
from chatbot.engines.planner.value import Fit, Plan

# ruff: noqa: T201  printing is what this module is for

_WIDTH = 80
_LABEL = 14


def report(plan: Plan, as_json: bool) -> None:
    """Print a plan."""
    if as_json:
        print(json.dumps(dataclasses.asdict(plan), indent=2))
        return
    print("\n".join(_lines(plan)))


def _lines(plan: Plan) -> Iterator[str]:
    yield plan.model
    yield f"{plan.architecture}, {plan.layers} layers, {plan.attention}"
    yield ""
    yield from _size(plan)
    yield ""
    yield from _formats(plan)
    if plan.fit and plan.command:
        yield ""
        yield from _memory(plan, plan.fit)
        yield ""
        yield "Start it with"
        yield from _command(plan.command)
    for mark, texts in (("!", plan.warnings), ("-", plan.notes)):
        for text in texts:
            yield ""
            yield from textwrap.wrap(text, _WIDTH, initial_indent=f"{mark} ", subsequent_indent="  ")


def _size(plan: Plan) -> Iterator[str]:
    yield _row("Parameters", f"{plan.parameters:,} ({plan.parameters / 1e9:.2f} billion)")
    if plan.active_parameters != plan.parameters:
        yield _row("", f"{plan.active_parameters:,} of them work on one token")
    if plan.file_parameters is not None:
        same = "the same" if plan.file_parameters == plan.parameters else "not the same, see below"
        yield _row("  in the files", f"{plan.file_parameters:,} ({same})")
    if plan.quantization:
        yield _row("Stored", f"quantized, {plan.quantization}")
    cache = f"{_bytes(plan.kv_bytes_per_token)} a token, {_bytes(plan.kv_bytes_full_context)} for {plan.context:,} tokens"
    yield _row("KV cache", cache)
    yield _row("", f"half of it with --kv-cache-dtype fp8 ({_bytes(plan.kv_bytes_per_token_fp8)} a token)")


def _formats(plan: Plan) -> Iterator[str]:
    users = "1 user" if plan.wish.users == 1 else f"{plan.wish.users} users at once"
    yield f"{'Weights':<24}{'GiB':>8}   GPUs of {plan.wish.gpu_gib:g} GB for {users}"
    for option in plan.options:
        gpus = str(option.gpus or "-")
        yield f"  {option.format:<22}{option.weight_bytes / GIB:>8.1f}   {gpus:<4}{'<- planned' if option.own else ''}".rstrip()


def _memory(plan: Plan, fit: Fit) -> Iterator[str]:
    yield f"On {fit.gpus} GPU{'s' if fit.gpus > 1 else ''}, of the {plan.wish.gpu_gib:g} GB of each"
    yield f"  {fit.usable_bytes / GIB:>7.1f}  for vLLM ({UTILIZATION:.0%}), of which"
    yield f"  {fit.weight_bytes / GIB:>7.1f}  weights"
    yield f"  {fit.reserve_bytes / GIB:>7.1f}  working memory, estimated"
    yield f"  {fit.cache_bytes / GIB:>7.1f}  KV cache: {fit.full_sequences:,} conversations of {plan.context:,} tokens,"
    yield f"           or {fit.typical_sequences:,} of a typical {plan.typical_tokens:,}, as users are counted"


def _command(command: str) -> Iterator[str]:
    """One flag a line, ready to paste."""
    first, *flags = command.split(" --")
    yield " \\\n".join([f"  {first}", *(f"    --{flag}" for flag in flags)])


def _row(label: str, text: str) -> str:
    return f"{label:<{_LABEL}} {text}"


def _bytes(number: int) -> str:
    for unit, size in (("GiB", GIB), ("MiB", 2**20), ("KiB", 2**10)):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return f"{number} bytes"

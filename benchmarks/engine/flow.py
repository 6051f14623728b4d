"""What the flow around the model costs: CPU per streamed token, and time to the first one. Retrieval is left out."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.engine.processes import NotRun, engine_environment, fake_vllm, worker
from benchmarks.engine.rows import Row


def tokens(rows: Sequence[Row], data: Path, rounds: int, streams: int, count: int, rate: float, file: Path | None) -> None:
    """Print CPU-milliseconds per token of each row.

    Target: the product at most 0.10 with 32 streams of 100 tokens per second.
    """
    measured, missing = _alternating("tokens", rows, data, rounds, streams, (count, rate, 0), count)
    lines: list[list[str]] = []
    for row in rows:
        if row not in measured:
            lines.append([row, missing[row], "", "", ""])
            continue
        runs = measured[row]
        cost = [run["cpu_ms_per_token"] for run in runs]
        ratios = _ratios(measured, row, "cpu_ms_per_token")
        late = [run["wall_s"] - (count - 1) / rate for run in runs]
        pieces = statistics.median(run["pieces_per_stream"] for run in runs)
        lines.append([row, record.spread(cost, 4), ratios, f"{pieces:.0f}", record.spread(late)])
        record.append(file, "tokens", row, {"streams": streams, "tokens": count, "rate": rate, "runs": runs})
    title = f"{streams} streams of {count} tokens at {rate:.0f}/s, {rounds} alternating rounds, median (extremes)"
    record.table(title, ("row", "CPU-ms per token", "x raw", "pieces a stream", "s beyond the pace"), lines)


def first(rows: Sequence[Row], data: Path, rounds: int, users: int, count: int, file: Path | None) -> None:
    """Print milliseconds to the first text beyond what raw needs in the same round.

    Target: the product at most 6 at the median and 20 at the 99th percentile with 32 users.
    """
    prefill_ms = 50
    measured, missing = _alternating("first", rows, data, rounds, users, (32, 100, prefill_ms), count)
    lines: list[list[str]] = []
    for row in rows:
        if row not in measured:
            lines.append([row, missing[row], "", "", ""])
            continue
        figures = {share: [record.percentile(run["first_ms"], share) for run in measured[row]] for share in (0.5, 0.99)}
        floor = {share: [record.percentile(run["first_ms"], share) for run in measured.get("raw", ())] for share in figures}
        added = {share: [a - b for a, b in zip(figures[share], floor[share], strict=False)] for share in figures}
        cells = [record.spread(values, 1) if values else "" for values in (*figures.values(), *added.values())]
        lines.append([row, *cells])
        kept = {"p50_ms": figures[0.5], "p99_ms": figures[0.99], "added_p50_ms": added[0.5], "added_p99_ms": added[0.99]}
        record.append(file, "first", row, {"users": users, "requests": users * count, "prefill_ms": prefill_ms, **kept})
    title = f"{users} users, {users * count} questions a round, prefill {prefill_ms} ms, {rounds} alternating rounds"
    record.table(title, ("row", "p50 ms", "p99 ms", "p50 over raw", "p99 over raw"), lines)


def _alternating(
    what: str, rows: Sequence[Row], data: Path, rounds: int, streams: int, server: tuple[int, float, float], count: int
) -> tuple[dict[Row, list[Any]], dict[Row, str]]:
    measured: dict[Row, list[Any]] = defaultdict(list)
    missing: dict[Row, str] = {}
    for _ in range(rounds):
        for row in rows:
            if row in missing:
                continue
            with fake_vllm(*server) as fake:
                arguments = [what, row, fake.url, str(streams), str(count)]
                try:
                    measured[row].append(worker("benchmarks.engine.worker", arguments, engine_environment(data, fake.url)))
                except NotRun as error:
                    missing[row] = f"not run: {error}"
    return dict(measured), missing


def _ratios(measured: dict[Row, list[Any]], row: Row, figure: str) -> str:
    pairs = zip(measured[row], measured.get("raw", ()), strict=False)
    ratios = [ours[figure] / raw[figure] for ours, raw in pairs]
    return record.spread(ratios, 1) if ratios else ""

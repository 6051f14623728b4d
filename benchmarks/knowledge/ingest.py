"""The rows `ingest` and `memory`: a sync with vectors replayed, against Chroma alone and LangChain's way, same documents."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.engine.processes import NotRun, worker
from benchmarks.knowledge import replay

SYSTEMS = ("chatbot", "Chroma", "LangChain")
TARGET_CPU_MS = 1.5
PEERS_CPU_MS = "LangChain+Chroma 2.2, LlamaIndex 3.6, Haystack 27 to 39 on a quiet machine of this kind"
SMALL_MIB = 300
"""Growth allowed for 20,000 chunks, and for any number beside 1.3 times the vectors' bytes."""
LARGE = 1.3


def cost(folder: Path, work: Path, rounds: int, file: Path | None) -> None:
    """Print CPU-ms a chunk of all but the encoder, round by round alternating."""
    measured = _measured(folder, work, rounds)
    lines: list[list[str]] = []
    peer = measured.get("LangChain", [])
    for name, runs in measured.items():
        spent = [1000 * run["cpu_s"] / run["chunks"] for run in runs]
        ratios = [mine / (1000 * run["cpu_s"] / run["chunks"]) for mine, run in zip(spent, peer, strict=False)]
        lines.append([name, f"{runs[0]['chunks']}", record.spread(spent), record.spread(ratios) if ratios else ""])
        record.append(file, "ingest", name, {"runs": runs})
    record.table("all but the encoder", ("", "chunks", "CPU-ms a chunk", "x LangChain"), lines)
    print(f"target {TARGET_CPU_MS} CPU-ms a chunk; published: {PEERS_CPU_MS}")


def memory(folder: Path, work: Path, rounds: int, file: Path | None) -> None:
    """Print how far memory grew at its highest, and what of that Chroma alone takes for the same vectors."""
    measured = _measured(folder, work, rounds, ("chatbot", "Chroma"))
    lines: list[list[str]] = []
    for name, runs in measured.items():
        grown = [run["growth_mib"] for run in runs]
        vectors = runs[0]["chunks"] * runs[0]["dimension"] * 4 / 2**20
        lines.append([name, f"{runs[0]['chunks']}", f"{vectors:.0f}", record.spread(grown, 0)])
        record.append(file, "memory", name, {"runs": runs, "vectors_mib": vectors})
    record.table("memory, MiB", ("", "chunks", "vectors' bytes", "growth"), lines)
    ours, alone = ([run["growth_mib"] for run in measured[name]] for name in ("chatbot", "Chroma"))
    chunks = measured["chatbot"][0]["chunks"]
    most = SMALL_MIB if chunks <= 30_000 else LARGE * float(lines[0][2]) + SMALL_MIB
    own = record.spread([a - b for a, b in zip(ours, alone, strict=True)], 0)
    print(f"target: at most {most:.0f} MiB; the pipeline's own: {own}")


def _measured(folder: Path, work: Path, rounds: int, systems: tuple[str, ...] = SYSTEMS) -> dict[str, list[dict[str, Any]]]:
    models = replay.compiled(work)
    measured: dict[str, list[dict[str, Any]]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            for name in systems:
                source = Path(scratch) / "chatbot" if name == "Chroma" else folder
                arguments = ["--system", name, "--documents", str(source), "--data", f"{scratch}/{name}", "--models", str(models)]
                try:
                    measured.setdefault(name, []).append(worker("benchmarks.knowledge.ingesting", arguments))
                except NotRun as error:
                    print(f"{name}: not run: {error}")
                    del measured[name]
            shutil.rmtree(scratch)
            Path(scratch).mkdir()
    return measured

"""The row `resync`: a sync of documents of which none has changed, in a running process and as a command, or one in a hundred."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import process, record
from benchmarks.knowledge import replay
from benchmarks.knowledge.ingesting import measured
from chatbot.bootstrap import Application

INSIDE_CPU_S, COMMAND_CPU_S = 0.3, 2.0
_CHANGED_SHARE = 0.01
_HEAVY = ("chromadb", "openvino", "torch", "tokenizers", "tantivy")
_COMMAND = f"""
import runpy, sys
sys.argv = ["chatbot", "sync", "--json", sys.argv[1]]
try:
    runpy.run_module("chatbot", run_name="__main__")
finally:
    print("LOADED", [name for name in {_HEAVY!r} if name in sys.modules])
"""


def cost(documents: Path, work: Path, rounds: int, file: Path | None) -> None:
    """Print CPU-seconds and how many texts were embedded."""
    models = replay.compiled(work)
    runs: list[dict[str, Any]] = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            folder, data = shutil.copytree(documents, Path(scratch) / "folder"), Path(scratch) / "data"
            encoder = replay.Replayed(models)
            with replay.application(data, encoder) as application:
                count = len(list(application.sync([str(folder)], "bench")))
                unchanged = _again(application, folder, encoder)
                wanted = _change(folder, random.Random(number))
                changed = _again(application, folder, encoder)
            runs.append(
                {
                    "documents": count,
                    "unchanged": unchanged,
                    "changed": {**changed, "documents": wanted},
                    **_command(data, folder),
                }
            )
    _print(runs)
    record.append(file, "resync", "chatbot", {"runs": runs})


def _again(application: Application, folder: Path, encoder: replay.Replayed) -> dict[str, float]:
    before = encoder.encoded
    with measured() as spent:
        chunks = sum(report.chunks for report in application.sync([str(folder)]) if report.state != "unchanged")
    return {"cpu_s": spent.figures["cpu_s"], "embedded": encoder.encoded - before, "chunks_of_changed": chunks}


def _change(folder: Path, moments: random.Random) -> int:
    """Add a sentence to the end of some documents: all their chunks but the last stay as they are."""
    files = sorted(folder.rglob("*.txt"))
    chosen = moments.sample(files, max(1, round(len(files) * _CHANGED_SHARE)))
    for path in chosen:
        path.write_text(
            f"{path.read_text(encoding='utf-8')}\n\nIt was changed for the {moments.randrange(10**6)}th time.\n", "utf-8"
        )
    return len(chosen)


def _command(data: Path, folder: Path) -> dict[str, Any]:
    knowledge = data.with_name("data-knowledge")
    os.environ |= {"CHATBOT_DATA_DIR": str(data), "CHATBOT_KNOWLEDGE": str(knowledge)}
    run = process.run(["-c", _COMMAND, str(folder)], folder)
    said, _, loaded = run.output.rpartition("LOADED")
    report = json.loads(said)
    states = {document["state"] for document in report["documents"]}
    return {
        "command_cpu_s": run.cpu_s,
        "command_embedded": report["embedded_chunks"],
        "command_states": sorted(states),
        "loaded": loaded.strip(),
    }


def _print(runs: list[dict[str, Any]]) -> None:
    def spread(*path: str) -> str:
        values: list[Any] = list(runs)
        for key in path:
            values = [value[key] for value in values]
        return record.spread(values)

    rows = [
        [
            "unchanged, in a running process",
            spread("unchanged", "cpu_s"),
            spread("unchanged", "embedded"),
            f"{INSIDE_CPU_S} CPU-s, 0",
        ],
        ["unchanged, as a command", spread("command_cpu_s"), spread("command_embedded"), f"{COMMAND_CPU_S} CPU-s, 0"],
        ["one in a hundred changed", spread("changed", "cpu_s"), spread("changed", "embedded"), "only the changed chunks"],
    ]
    record.table(f"{runs[0]['documents']} documents", ("", "CPU-s", "embedded", "target"), rows)
    changed, chunks = runs[0]["changed"]["documents"], spread("changed", "chunks_of_changed")
    print(f"{changed} documents changed, of {chunks} chunks, one or two new in each")
    print(f"the command loaded {runs[0]['loaded']} (target none), and found all {', '.join(runs[0]['command_states'])}")

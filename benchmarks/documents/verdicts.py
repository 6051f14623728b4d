"""A verdict for every document of a folder and for damaged copies of them."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.documents.damage import damaged
from benchmarks.documents.measured import Reading, read
from chatbot.knowledge.reading.sandbox import Limits, Sandbox

_MAX_REASON = 300


def run(folder: Path, count: int, seed: int, results: Path | None) -> int:
    """1 where the reader broke on a document, passed a limit or wrote something, else 0."""
    done = _done(results, folder.name, seed)
    wrong: list[str] = []
    verdicts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch, Sandbox() as sandbox:
        os.chdir(scratch)  # what a reader writes without a folder lies here
        before = _listing(folder, Path(scratch))
        for row, name, raw in _documents(folder, count, seed):
            key = _key(row)
            if key not in done:
                reading = read(sandbox, name, raw)
                row |= _measured(reading)
                done[key] = row
                _append(results, row)
            row = done[key]
            verdicts[f"{row['what']}: {row['verdict']}"] += 1
            if row["verdict"] == "failed" or row["beyond"]:
                wrong.append(f"{name}: {row['verdict']} {row['beyond']} {row['reason']}  {key}")
        if _listing(folder, Path(scratch)) != before:
            wrong.append("something was written")
    _report(done, verdicts, wrong)
    return 1 if wrong else 0


def _documents(folder: Path, count: int, seed: int) -> Iterator[tuple[dict[str, Any], str, bytes]]:
    """What is said of each in the results, the name it is read under, its bytes."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    contents = {path.name: path.read_bytes() for path in files}
    for name, raw in contents.items():
        yield {"what": "document", "split": folder.name, "file": name}, name, raw
    for number in range(count):
        copy = damaged(contents, seed, number)
        told = {"split": folder.name, "seed": seed, "number": number, "file": copy.file, "damage": copy.how}
        yield {"what": "damaged", **told}, copy.name, copy.raw


def _measured(reading: Reading) -> dict[str, Any]:
    return {
        "verdict": reading.verdict,
        "reason": reading.reason[:_MAX_REASON],
        "seconds": round(reading.seconds, 3),
        "cpu_s": round(reading.cpu_s, 2),
        "peak_mib": round(reading.peak_mib),
        "characters": len(reading.text),
        "beyond": reading.beyond(Limits()),
    }


def _key(row: dict[str, Any]) -> str:
    return f"{row['what']} {row['file']} {row.get('seed')} {row.get('number')}"


def _done(results: Path | None, split: str, seed: int) -> dict[str, dict[str, Any]]:
    lines = results.read_text(encoding="utf-8").splitlines() if results and results.exists() else []
    rows = [row for row in map(json.loads, lines) if row["what"] in {"document", "damaged"} and row["split"] == split]
    return {_key(row): row for row in rows if row.get("seed", seed) == seed}


def _append(results: Path | None, row: dict[str, Any]) -> None:
    if results:
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _listing(*folders: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of change of everything in some folders."""
    found = [path for folder in folders for path in [folder, *folder.rglob("*")]]
    return sorted((str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in found)


def _report(rows: dict[str, dict[str, Any]], verdicts: Counter[str], wrong: list[str]) -> None:
    print("verdict | how many")
    for verdict, number in sorted(verdicts.items()):
        print(f"{verdict} | {number}")
    slowest = sorted(rows.values(), key=lambda row: -row["seconds"])[:3]
    print("slowest:", "; ".join(f"{row['file']} {row['seconds']:.1f} s" for row in slowest))
    print(f"most memory: {max((row['peak_mib'] for row in rows.values()), default=0)} MiB")
    for line in wrong:
        print("WRONG:", line, file=sys.stderr)

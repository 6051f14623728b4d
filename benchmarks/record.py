"""Prints a table, and keeps its figures as JSON lines if asked to."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = (
    *("aiohttp", "langchain-core", "langchain-openai", "openai", "pydantic", "uvloop"),
    *(
        "SQLAlchemy",
        "chromadb",
        "langchain-chroma",
        "numpy",
        "openvino",
        "sentence-transformers",
        "tantivy",
        "tokenizers",
        "torch",
    ),
)


def append(file: Path | None, what: str, row: str, figures: Mapping[str, Any]) -> None:
    """Add a line: what was measured, of whom, when, on what."""
    if file is None:
        return
    line = {
        "what": what,
        "row": row,
        **figures,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "load": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line, separators=(",", ":")) + "\n")


def read(file: Path | None, what: str, **fields: Any) -> list[dict[str, Any]]:
    """The lines of a measurement that have these values."""
    if file is None or not file.exists():
        return []
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["what"] == what and all(line.get(key) == value for key, value in fields.items())]


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as they have to be, the first to the left."""
    print(f"\n{title}; load {os.getloadavg()[0]:.1f}")
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells[1:]]))


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median and extremes."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _commit() -> str:
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return said.stdout.strip()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""

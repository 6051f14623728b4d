"""The rounds of a program that harms a store: how many, by which seed, and a file with a line for each, from which it goes on."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def arguments(description: str | None, count: int) -> argparse.ArgumentParser:
    """Of a program that keeps its rounds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder for all that is written, best in memory: /dev/shm/…")
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--append", type=Path, metavar="FILE", help="keep each round as a line, and go on from there")
    return parser


class Kept:
    """The lines of one seed in a file."""

    def __init__(self, file: Path | None, seed: int) -> None:
        self._file, self._seed = file, seed
        self._commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file and file.exists() else []
        self.lines: list[dict[str, Any]] = [line for line in lines if line["seed"] == seed]

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep a round: what was found, when, by which commit, beside which load."""
        line = {"seed": self._seed, **row, "at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": self._commit.strip()}
        line["load"] = round(os.getloadavg()[0], 1)
        self.lines.append(line)
        if self._file:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, separators=(",", ":")) + "\n")

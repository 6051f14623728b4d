"""Measures whole processes: CPU-seconds, wall seconds and memory as the operating system counts them (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Run(NamedTuple):
    cpu_s: float
    wall_s: float
    rss_mib: float
    output: str


def run(arguments: list[str], folder: Path) -> Run:
    """Run `python ARGUMENTS` in `folder` to its end; children are counted in."""
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, _, used = os.wait4(process.pid, 0)
    return Run(used.ru_utime + used.ru_stime, time.monotonic() - begun, used.ru_maxrss / 1024, output)


def cpu_s(pid: int) -> float:
    """CPU-seconds of a running process so far, with those of its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def rss_mib(pid: int) -> float:
    """Memory a running process holds now."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

"""Reads documents in the sandbox and says what each took: seconds, and the most memory that its child held (Linux)."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks import process
from chatbot.errors import DocumentRefused, FormatFailed
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.reading.sandbox import MIB, Limits, Sandbox

_FORGET_PEAK = "5"
"""Written to `clear_refs`: from here on the peak is counted anew. Source: proc(5)."""
_GRACE_S = 5.0
"""For ending a child that took too long, on a machine that has other work."""


class Reading(NamedTuple):
    verdict: str
    """parsed, partly, refused, or failed, which is a fault of the reader."""
    reason: str
    seconds: float
    cpu_s: float
    """Of the child; 0 where it was ended."""
    peak_mib: float
    text: str

    def beyond(self, limits: Limits) -> str:
        """Which limit was passed; empty where none was."""
        if self.seconds > limits.seconds + _GRACE_S:
            return f"{self.seconds:.0f} s"
        if self.peak_mib * MIB > limits.memory_bytes:
            return f"{self.peak_mib:.0f} MiB"
        return f"{len(self.text) // MIB} million characters" if len(self.text.encode()) > limits.output_bytes else ""


def read(sandbox: Sandbox, name: str, raw: bytes) -> Reading:
    """Read one document; the sandbox must be the only one whose child this process has."""
    for child in _children():
        (child / "clear_refs").write_text(_FORGET_PEAK)
    begun, cpu_before = time.monotonic(), sum(map(_cpu_s, _children()))
    try:
        document = sandbox.read(name, raw)
        said = ("partly" if document.missing else "parsed", document.missing, document)
    except DocumentRefused as error:
        said = ("refused", str(error), None)
    except FormatFailed as error:
        said = ("failed", str(error), None)
    seconds = time.monotonic() - begun
    cpu = sum(map(_cpu_s, _children())) - cpu_before
    peak = max((_peak_mib(child) for child in _children()), default=0.0)
    verdict, reason, document = said
    return Reading(verdict, reason, seconds, max(0.0, cpu), peak, _text(document))


def _text(document: Extracted | None) -> str:
    return document.text if document else ""


def _children() -> list[Path]:
    """Every process that one of the threads of this one has started and that still runs."""
    found: list[Path] = []
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found += [Path(f"/proc/{pid}") for pid in (task / "children").read_text().split()]
    return found


def _cpu_s(child: Path) -> float:
    return process.cpu_s(int(child.name))


def _peak_mib(child: Path) -> float:
    """0.0 for one that ended and was not waited for yet."""
    line = next((line for line in (child / "status").read_text().splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024

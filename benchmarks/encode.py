"""What encoding one question costs, on one thread: python benchmarks/encode.py

Documents are in `python -m benchmarks.knowledge encode`.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from chatbot import settings
from chatbot.encoders import bi_encoder


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        encoder = bi_encoder.load(settings.load().encoder.model, Path(scratch))
        print(f"{encoder.card.precision}; load {os.getloadavg()[0]:.1f}")
        queries(encoder)


def queries(encoder: bi_encoder.BiEncoder, count: int = 200) -> None:
    """Print what one question costs, each text new so that nothing is remembered."""
    wall: list[float] = []
    cpu: list[float] = []
    for number in range(count):
        text = f"how does paragraph {number} of the manual explain the sampling method?"
        begun, spent = time.perf_counter(), time.process_time()
        encoder.encode_query(text)
        wall.append((time.perf_counter() - begun) * 1000)
        cpu.append((time.process_time() - spent) * 1000)
    best, middle = min(wall), statistics.median(wall)
    print(f"query, one thread: best {best:.1f} ms, median {middle:.1f} ms, {statistics.median(cpu):.1f} CPU-ms")


if __name__ == "__main__":
    main()

"""Bombs and traps through the real sandbox: each is refused, or read within the limits of a document.

python -m tests.faults.bombs [NAME ...] [--append FILE]
    The verdict, seconds, CPU and memory of each; fails where a limit is passed, or the reader broke.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.documents.measured import read
from chatbot.knowledge.reading.reader import MAX_BYTES
from chatbot.knowledge.reading.sandbox import Limits, Sandbox
from tests.faults.traps import TRAPS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TRAPS)}")
    parser.add_argument("--append", type=Path)
    options = parser.parse_args()
    wrong: list[str] = []
    print("trap | KiB | verdict | s | CPU-s | MiB | reason")
    with Sandbox() as sandbox:
        for name in options.names or TRAPS:
            raw = TRAPS[name]()
            reading = read(sandbox, name, raw)
            beyond = reading.beyond(Limits()) or ("larger than any file that is read" if len(raw) > MAX_BYTES else "")
            row = {
                "what": "trap",
                "file": name,
                "bytes": len(raw),
                "verdict": reading.verdict,
                "reason": reading.reason[:200],
                "seconds": round(reading.seconds, 2),
                "cpu_s": round(reading.cpu_s, 2),
                "peak_mib": round(reading.peak_mib),
                "characters": len(reading.text),
                "beyond": beyond,
            }
            cost = f"{reading.seconds:.1f} | {reading.cpu_s:.1f} | {reading.peak_mib:.0f}"
            print(f"{name} | {len(raw) // 1024:,} | {reading.verdict} | {cost} | {beyond} {reading.reason[:110]}", flush=True)
            if beyond or reading.verdict == "failed":
                wrong.append(name)
            if options.append:
                with options.append.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{len(options.names or TRAPS)} traps, beyond a limit or broken: {', '.join(wrong) or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""What a sync of nothing new costs, as a command and inside a running process, and what a sync of one changed file in a hundred.

    python benchmarks/knowledge_resync.py [--documents 2000] [--runs 5] [--append FILE]

The documents are made up from a seed, two chunks each. CPU-seconds are what to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from process import run

from chatbot.knowledge.corpus import Corpus
from chatbot.settings import Settings

_WORDS = ["engine", "oil", "valve", "boiler", "pressure", "inspection", "hall", "machine", "gauge", "leak", "repair", "season"]
_HEAVY = ("chromadb", "tantivy", "openvino", "torch", "gradio", "chatbot.encoders.bi_encoder", "chatbot.engines")
_COMMAND = """
import runpy, sys
sys.argv = ["chatbot", "sync", "--json"]
try:
    runpy.run_module("chatbot", run_name="__main__")
except SystemExit:
    print("LOADED", [name for name in {heavy!r} if name in sys.modules])
"""


class Run(NamedTuple):
    cpu_s: float
    states: dict[str, int]
    embedded: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--append", type=Path, help="add the figures to this file, a JSON line")
    wanted = parser.parse_args()
    moments = random.Random(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder, knowledge = Path(scratch) / "docs", Path(scratch) / "knowledge"
        knowledge.mkdir()
        folder.mkdir()
        for number in range(wanted.documents):
            _write(folder / f"{number}.md", number, moments)
        settings = Settings(data_dir=Path(scratch) / "data", knowledge=knowledge)
        os.environ.update(CHATBOT_DATA_DIR=str(settings.data_dir), CHATBOT_KNOWLEDGE=str(knowledge))
        with Corpus(settings, "benchmark") as corpus:
            print("first sync:", _inside(corpus, [str(folder)]))
            time.sleep(3)  # a file is known by its times once the clock has moved on
            print("the marks are noted:", _inside(corpus, []))
            unchanged = [_inside(corpus, []) for _ in range(wanted.runs)]
            for number in moments.sample(range(wanted.documents), max(1, wanted.documents // 100)):
                file = folder / f"{number}.md"
                file.write_text(file.read_text().replace("Section 1", f"Section 1, revised {number}"))
            changed = _inside(corpus, [])
            time.sleep(3)
            _inside(corpus, [])
        command = [run(["-c", _COMMAND.format(heavy=_HEAVY)], Path(scratch)) for _ in range(wanted.runs)]
    figures = {
        "what": "resync",
        "documents": wanted.documents,
        "inside_cpu_s": _spread([each.cpu_s for each in unchanged]),
        "inside_embedded": max(each.embedded for each in unchanged),
        "command_cpu_s": _spread([each.cpu_s for each in command]),
        "command_loaded": command[-1].output.rpartition("LOADED ")[2].strip(),
        "changed": changed._asdict(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures, indent=2))
    if wanted.append:
        with wanted.append.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(figures) + "\n")


def _write(file: Path, number: int, moments: random.Random) -> None:
    def paragraph() -> str:
        return " ".join(moments.choices(_WORDS, k=60)).capitalize() + "."

    sections = [f"## Section {section}\n\n{paragraph()}" for section in range(2)]
    file.write_text("\n\n".join([f"# Manual {number}", *sections]))


def _inside(corpus: Corpus, paths: list[str]) -> Run:
    begun = time.process_time()
    states: dict[str, int] = {}
    embedded = 0
    for report in corpus.sync(paths):
        states[report.state] = states.get(report.state, 0) + 1
        embedded += report.embedded_chunks
    return Run(round(time.process_time() - begun, 3), states, embedded)


def _spread(values: list[float]) -> list[float]:
    """Median, least and most."""
    return [round(each, 3) for each in (statistics.median(values), min(values), max(values))]


if __name__ == "__main__":
    main()

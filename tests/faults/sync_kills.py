"""kill -9 of a sync, at random moments and before and after each named step, then a look into every store.

    python -m tests.faults.sync_kills random|steps|all --work DIR [--count N] [--seed S] [--append FILE]

`--count` is how many kills there are to be at random moments, and at each side of each step; those that FILE holds already are
counted in. After each kill: what was reported live is live, nothing is live twice, and no document is gone that lies in the
folder and was live before. After the next start: each index holds what the catalogue says, no more and no less, and every vector
finds itself. Vectors are replayed (`benchmarks.knowledge.replay`), documents are read without the sandbox, and a start is counted
without the interpreter's imports.
"""

# ruff: noqa: E402  what must come before the imports stands before them

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

# A program with threads cannot be forked. NumPy makes them when it is imported, and so does OpenVINO, which replaying needs not.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.modules["openvino"] = ModuleType("openvino")

from benchmarks import record
from benchmarks.knowledge import replay
from chatbot.bootstrap import Application
from chatbot.knowledge.indexes.dense import DenseIndex
from chatbot.knowledge.indexes.lexical import LexicalIndex
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.sandbox import Sandbox
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.sections import ChunkSettings
from tests.faults import checker, forks
from tests.faults.changing_folder import Shelf
from tests.faults.forks import Tell

STEPS: dict[str, tuple[type, str]] = {
    "note as pending": (Catalogue, "record"),
    "store text and chunks": (Catalogue, "stage"),
    "store vectors": (Catalogue, "put_embeddings"),
    "index vectors": (DenseIndex, "add"),
    "index terms": (LexicalIndex, "add"),
    "note as embedded": (Catalogue, "note_embedded"),
    "make live": (Catalogue, "publish"),
    "remove": (Catalogue, "remove"),
    "take out vectors": (DenseIndex, "delete"),
    "take out terms": (LexicalIndex, "delete"),
    "sweep vectors": (Catalogue, "sweep_embeddings"),
}
SIDES = ("before", "after")
READY_S = 10
_CHANGES = 10
_DAMAGED_SHARE = 0.05
"""Of the kills: those of a start that finds no vectors and makes the indexes anew."""
_FRESH_AFTER = 60
"""Kills of one data directory, then there is a new one: the first sync of all is killed too."""


class Kill(NamedTuple):
    """When a child is to be ended."""

    at: str
    """`random`, or the name of a step."""
    side: str = ""

    def __str__(self) -> str:
        return f"{self.side} {self.at}".strip()


class Bench:
    """One data directory and one folder, through kill after kill."""

    def __init__(self, work: Path, encoder: replay.Replayed, seed: str) -> None:
        shutil.rmtree(work, ignore_errors=True)
        self.data = work / "data"
        self._encoder = encoder
        self._moments = random.Random(seed)
        self._shelf = Shelf(work / "folder", seed)
        self._before: dict[str, str] = {}
        self._seconds = forks.run(self._sync).seconds
        self.kills = 0

    def kill(self, kill: Kill) -> dict[str, Any] | None:
        """One kill, and what was found after it; None if the sync was done before it came to it."""
        self._before = {path: hashes[0] for path, hashes in checker.live(self.data).items()}
        self._shelf.change(_CHANGES)
        if self._moments.random() < _DAMAGED_SHARE:
            for folder in self.data.glob("indexes/*/chroma"):
                shutil.rmtree(folder)
        after_s = self._moments.uniform(0, self._seconds)
        ended = forks.run(self._sync_until(kill)) if kill.side else forks.run(self._sync, after_s)
        if not ended.killed:
            return None
        self.kills += 1
        wrong = self._wrong_with_documents(ended.told)
        started = forks.run(self._start)
        wrong += self._wrong_with_documents(ended.told)
        wrong += forks.run(lambda tell: tell(checker.faults(self.data))).told[0]
        return {"ready_s": round(started.told[0], 3), "acknowledged": len(ended.told), "wrong": wrong}

    def finish(self) -> list[str]:
        """What is wrong after a sync that nobody killed."""
        forks.run(self._sync)
        wrong = forks.run(lambda tell: tell(checker.faults(self.data))).told[0]
        held = {path: hashes for path, hashes in checker.live(self.data).items()}
        if held != {path: [hash_] for path, hash_ in self._shelf.hashes().items()}:
            wrong.append("after a sync to its end the catalogue holds other documents than the folder")
        return wrong

    def _sync(self, tell: Tell) -> None:
        with opened(self.data, self._encoder) as application:
            for report in application.sync([str(self._shelf.folder)], "shelf"):
                tell([report.source, report.state])

    def _sync_until(self, kill: Kill) -> Callable[[Tell], None]:
        owner, name = STEPS[kill.at]
        left = self._moments.randint(1, 3)

        def work(tell: Tell) -> None:
            step = getattr(owner, name)

            def stepped(*arguments: Any, **named: Any) -> Any:
                nonlocal left
                left -= 1
                if not left and kill.side == "before":
                    os.kill(os.getpid(), signal.SIGKILL)
                outcome = step(*arguments, **named)
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
                return outcome

            setattr(owner, name, stepped)
            self._sync(tell)

        return work

    def _start(self, tell: Tell) -> None:
        begun = time.monotonic()
        with opened(self.data, self._encoder):
            tell(time.monotonic() - begun)

    def _wrong_with_documents(self, told: list[tuple[str, str]]) -> list[str]:
        held, now = checker.live(self.data), self._shelf.hashes()
        wrong = [f"{path} is live {len(hashes)} times" for path, hashes in held.items() if len(hashes) != 1]
        for path, state in told:
            if held.get(path, [""])[0] != now.get(path, "") or state in ("failed", "refused"):
                wrong.append(f"{path} was reported {state}, and is not so")
        for path, hash_ in self._before.items():
            if path in now and held.get(path, [""])[0] not in (hash_, now[path]):
                wrong.append(f"{path} was live, lies in the folder, and is gone")
        return wrong


@contextmanager
def opened(data: Path, encoder: replay.Replayed) -> Iterator[Application]:
    """The product in this process, small chunks, no sandbox."""
    chunks = ChunkSettings(min_tokens=8, max_tokens=16)
    reading = mock.patch.object(Sandbox, "read", lambda _, name, raw: reader.read(name, raw))
    with reading, replay.application(data, encoder, chunks=chunks) as application:
        yield application


def compiled(work: Path) -> Path:
    """The encoder's folder, made in another process, which has OpenVINO; and what is imported late is imported."""
    reader.read("warm.md", b"# Warm\n\nBefore the first fork.")
    code = "import sys, pathlib; from benchmarks.knowledge import replay; print(replay.compiled(pathlib.Path(sys.argv[1])))"
    return Path(subprocess.run([sys.executable, "-c", code, work], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("random", "steps", "all"))
    parser.add_argument("--work", type=Path, required=True, help="a folder for the data directory, emptied at the start")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--append", type=Path, metavar="FILE", help="keep each kill as a line, and go on from there")
    given = parser.parse_args()
    at_steps = [Kill(step, side) for _ in range(given.count) for step in STEPS for side in SIDES]
    planned = {"random": [Kill("random")] * given.count, "steps": at_steps, "all": [Kill("random")] * given.count + at_steps}
    done = [Kill(line["row"], line["side"]) for line in record.read(given.append, "sync_kills", seed=given.seed)]
    left = planned[given.what]
    for kill in done:
        if kill in left:
            left.remove(kill)
    _report(_run(left, given.work, given.seed, given.append), len(done))


def _run(left: list[Kill], work: Path, seed: int, file: Path | None) -> list[dict[str, Any]]:
    encoder = replay.Replayed(compiled(work))
    lines: list[dict[str, Any]] = []
    bench, missed = None, 0
    for number, kill in enumerate(left):
        if bench is None or bench.kills >= _FRESH_AFTER:
            bench = Bench(work / "bench", encoder, f"{seed} {len(left)} {number}")
        found = bench.kill(kill)
        if found is None:
            missed += 1
            wrong = bench.finish()
            if wrong:
                print(f"after a sync that was not killed: {wrong}", flush=True)
                sys.exit(1)
            continue
        lines.append(found)
        record.append(file, "sync_kills", kill.at, {"side": kill.side, "seed": seed, **found})
        if found["wrong"]:
            print(f"{kill}: {found['wrong']}", flush=True)
            bench = None  # what follows would only repeat it
    print(f"{missed} syncs had ended before their kill, and are not counted")
    return lines


def _report(lines: list[dict[str, Any]], before: int) -> None:
    ready = [line["ready_s"] for line in lines] or [0.0]
    wrong = [line for line in lines if line["wrong"]]
    acknowledged = sum(line["acknowledged"] for line in lines)
    print(f"{len(lines)} kills, and {before} earlier; {acknowledged} documents were acknowledged before them")
    print(f"something wrong after {len(wrong)} (target 0)")
    p50, p99 = statistics.median(ready), record.percentile(ready, 0.99)
    print(f"ready again: median {p50:.2f} s, p99 {p99:.2f} s (target {READY_S} s)")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

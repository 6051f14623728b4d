"""kill -9 of a sync, at random moments and before and after each named step, then a look into every store.

    python -m tests.faults.sync_kills --work DIR [--count 1000] [--each 50] [--seed S] [--append FILE]

`--count` is how many kills there are to be at random moments, `--each` at each side of each step; those that FILE holds count.
After each kill: what was reported live is live, nothing is live twice, and no document is gone that lies in the folder and was
live before. At the next start a search for such a document is timed; then, as soon as nothing is being built, each index holds
what the catalogue says, no more and no less, and every vector finds itself. Vectors are replayed
(`benchmarks.knowledge.replay`), documents are read without the sandbox and published by the few, and a start is counted without
the interpreter's imports.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from tests.faults import forks  # isort: skip  it sees to it that the program has one thread

from benchmarks import record
from benchmarks.knowledge import replay
from chatbot.bootstrap import Application
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.sandbox import Sandbox
from chatbot.knowledge.sources import origins
from chatbot.knowledge.syncing import sync
from chatbot.knowledge.syncing.steps import STEPS
from chatbot.schema import Query
from chatbot.sections import ChunkSettings
from tests.faults import checker, rounds
from tests.faults.changing_folder import Shelf, heading
from tests.faults.forks import Tell
from tests.named_steps import place

SIDES = ("before", "after")
READY_S = 10
_CHANGES = 9
_BATCH_CHUNKS = 48
"""So that a sync of few documents makes some live while others are still to be read."""
_DAMAGED_SHARE = 0.05
"""Of the kills: those of a start that finds no vectors and makes the indexes anew."""
_RESPLIT_SHARE = 0.1
"""Of the kills: those of a sync that finds another size of chunks in the settings, and splits anew what is live."""
_OPENING_SHARE = 0.1
"""Of the random kills: those whose moment may lie before the sync, while the stores are opened."""
_FRESH_AFTER = 30
"""Kills of one data directory, then there is a new one: the first sync of all is killed too."""
_CALLS = 2
"""Of a step, that a sync comes to as a rule."""
_TRIES = 6
"""Syncs in which a kill may find its moment: the fewest documents do not come to every step."""


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
        self._annex = Shelf(work / "annex", seed, 2, ".txt")
        """A folder that is synced, and forgotten again."""
        self._max_tokens = 16
        self._before: dict[str, str] = {}
        self._seconds = 1.0
        """What a sync takes that nobody kills; it follows what it last was."""
        self.kills = 0

    def kill(self, kill: Kill, calls: int) -> dict[str, Any] | None:
        """One kill, at one of the first `calls` of a step, and what was found after it; None if the sync was done before."""
        self._before = {path: hashes[0] for path, hashes in checker.live(self.data).items()} if self.data.exists() else {}
        self._shelf.change(_CHANGES)
        if self._moments.random() < _DAMAGED_SHARE:
            for folder in self.data.glob("indexes/*/chroma"):
                shutil.rmtree(folder)
        if kill.at.startswith("store.resplits") or self._moments.random() < _RESPLIT_SHARE:
            self._max_tokens = 40 - self._max_tokens
        if kill.side:
            call = self._moments.randint(1, calls)
            ended = forks.run(lambda tell: self._sync(tell, kill, call))
        else:
            opening = self._moments.random() < _OPENING_SHARE
            ended = forks.run(self._sync, self._moments.uniform(0, self._seconds), from_first_word=not opening)
        if not ended.killed:
            self._seconds = ended.seconds
            return None
        self.kills += 1
        documents = {path: state for what, path, state in ended.told if what == "document"}
        steps = [step for what, step, _ in ended.told if what == "step"]
        assert not kill.side or kill.at in steps, "a kill at a step ends the process there"
        wrong = self._wrong_with_documents(documents)
        with forks.trials():
            started = dict(forks.run(self._start).told)
        wrong += [*started.pop("wrong"), *self._wrong_with_documents(documents), *forks.answer(lambda: checker.faults(self.data))]
        return {
            "steps": len(steps),
            "last": steps[-1] if steps else "",
            "acknowledged": len(documents),
            "live": len(self._before),
            **started,
            "wrong": wrong,
        }

    def finish(self) -> list[str]:
        """What is wrong after a sync that nobody killed."""
        documents = {path: state for what, path, state in forks.run(self._sync).told if what == "document"}
        wrong = [*self._wrong_with_documents(documents), *forks.answer(lambda: checker.faults(self.data))]
        if checker.live(self.data) != {path: [hash_] for path, hash_ in self._shelf.hashes().items()}:
            wrong.append("after a sync to its end the catalogue holds other documents than the folder")
        return wrong

    def _sync(self, tell: Tell, kill: Kill | None = None, call: int = 1) -> None:
        """Sync the shelf, then the annex and forget that, telling of each step and of each document of the shelf."""
        with opened(self.data, self._encoder, self._max_tokens) as application:
            tell(["begun", "", ""])
            for step in STEPS:
                _watch(step, tell, kill.side if kill and kill.at == step else "", call)
            for report in application.sync([str(self._shelf.folder)], "shelf"):
                tell(["document", report.source, report.state])
            for _ in application.sync([str(self._annex.folder)], "annex"):
                pass
            for _ in application.remove([str(self._annex.folder)]):
                pass
            application.indexes.wait()

    def _start(self, tell: Tell) -> None:
        """Open the stores, look for a document that is live, and wait until nothing is being built."""
        held = checker.live(self.data)
        known = sorted(path for path, hash_ in self._shelf.hashes().items() if held.get(path) == [hash_])
        wanted = self._moments.choice(known) if known else ""
        begun = time.monotonic()
        with opened(self.data, self._encoder, self._max_tokens) as application:
            query = Query(text=heading(self._shelf.folder / wanted) if wanted else "no document is live")
            while not (found := _finds(application, query, wanted)) and time.monotonic() - begun < 3 * READY_S:
                time.sleep(0.05)
            tell(["ready_s", round(time.monotonic() - begun, 3)])
            wrong = [] if found else [f"a search does not find {wanted}"]
            trouble = application.indexes.trouble
            application.indexes.wait()
            tell(["whole_s", round(time.monotonic() - begun, 3)])
            tell(["trouble", trouble])
            wrong += filter(None, [application.indexes.trouble, application.indexes.difference()])
        tell(["wrong", wrong])

    def _wrong_with_documents(self, reported: dict[str, str]) -> list[str]:
        held, now = checker.live(self.data), self._shelf.hashes()
        wrong = [f"{path} is live {len(hashes)} times" for path, hashes in held.items() if len(hashes) != 1]
        for path, state in reported.items():
            if held.get(path, [""])[0] != now.get(path, "") or (path in now and state in ("failed", "refused")):
                wrong.append(f"{path} was reported {state}, and is not so")
        contents, searched = set(now.values()), {hashes[0] for hashes in held.values()}
        for path, hash_ in self._before.items():
            if path in now and held.get(path, [""])[0] not in (hash_, now[path]):
                wrong.append(f"{path} was live, lies in the folder, and is gone")
            if hash_ in contents and hash_ not in searched:
                wrong.append(f"what {path} held was live, lies in the folder under whatever name, and is gone")
        return wrong


def _finds(application: Application, query: Query, wanted: str) -> bool:
    """Replayed vectors know no questions, so that words must find it, among whatever else is near."""
    found = asyncio.run(application.search(query, 50))
    return not wanted or wanted in {passage.source for passage in found}


def _watch(step: str, tell: Tell, side: str, call: int) -> None:
    """Tell of each call of a step, and end the process before or after one of them."""
    owner, name = place(step)
    method, calls = getattr(owner, name), Counter[str]()

    @wraps(method)
    def watched(*arguments: Any, **named: Any) -> Any:
        tell(["step", step, ""])
        calls[step] += 1
        is_it = bool(side) and calls[step] == call
        if is_it and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        outcome = method(*arguments, **named)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    setattr(owner, name, watched)


@contextmanager
def opened(data: Path, encoder: replay.Replayed, max_tokens: int = 16) -> Iterator[Application]:
    """The product in this process: small chunks and batches, no sandbox, and no wait until a file's time can be relied on."""
    chunks = ChunkSettings(min_tokens=8, max_tokens=max_tokens)
    reading = mock.patch.object(Sandbox, "read", lambda _, name, raw: reader.read(name, raw))
    batches, settled = mock.patch.object(sync, "BATCH_CHUNKS", _BATCH_CHUNKS), mock.patch.object(origins, "_SETTLED_NS", 0)
    with reading, batches, settled, replay.application(data, encoder, chunks=chunks) as application:
        yield application


def compiled(work: Path) -> Path:
    """The encoder's folder, made in another process, which has OpenVINO; and what is imported late is imported."""
    reader.read("warm.md", b"# Warm\n\nBefore the first fork.")
    code = "import sys, pathlib; from benchmarks.knowledge import replay; print(replay.compiled(pathlib.Path(sys.argv[1])))"
    return Path(subprocess.run([sys.executable, "-c", code, work], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def main() -> None:
    parser = rounds.arguments(__doc__, 1000)
    parser.add_argument("--each", type=int, default=50)
    given = parser.parse_args()
    kept = rounds.Kept(given.append, given.seed)
    wanted = Counter({Kill("random"): given.count, **{Kill(step, side): given.each for step in STEPS for side in SIDES}})
    left = wanted - Counter(Kill(line["at_step"], line["side"]) for line in kept.lines)
    in_turn = random.Random(given.seed).sample(list(left.elements()), left.total())
    _run(in_turn, given.work, kept)
    _report(kept.lines)


def _run(left: list[Kill], work: Path, kept: rounds.Kept) -> None:
    encoder = replay.Replayed(compiled(work))
    bench, missed = None, 0
    for number, kill in enumerate(left):
        if bench is None or bench.kills >= _FRESH_AFTER:
            bench = Bench(work / "bench", encoder, f"{kept.lines[-1]['at'] if kept.lines else ''} {number}")
        for attempt in range(_TRIES):
            if found := bench.kill(kill, 1 if attempt else _CALLS):
                break
            missed += 1
            if wrong := bench.finish():
                sys.exit(f"after a sync that was not killed: {wrong}")
        else:
            sys.exit(f"{_TRIES} syncs did not come to {kill}")
        kept.add({"at_step": kill.at, "side": kill.side, **found})
        if found["wrong"]:
            kept_at = shutil.copytree(bench.data, work / f"wrong-{len(kept.lines)}", symlinks=True, dirs_exist_ok=True)
            print(f"{kill}: {found['wrong']}; see {kept_at}", flush=True)
            bench = None  # what follows would only repeat it
    print(f"{missed} syncs had ended before their kill, and are not counted")


def _report(lines: list[dict[str, Any]]) -> None:
    wrong = [line for line in lines if line["wrong"]]
    at_random = sum(line["at_step"] == "random" for line in lines)
    fewest = min(Counter((line["at_step"], line["side"]) for line in lines if line["side"]).values(), default=0)
    print(f"{len(lines)} kills: {at_random} at random moments, {fewest} or more at each side of each step that was come to")
    print(f"documents reported live before a kill: {sum(line['acknowledged'] for line in lines)}")
    print(f"something wrong after {len(wrong)} (target 0)")
    for name in ("ready_s", "whole_s"):
        figures = [line[name] for line in lines] or [0.0]
        print(f"{name}: median {statistics.median(figures):.2f}, p99 {record.percentile(figures, 0.99):.2f} (target {READY_S} s)")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

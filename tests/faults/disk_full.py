"""Syncs into a disk that is nearly full, at many levels of how nearly, then gives the room back.

    python -m tests.faults.disk_full --work DIR [--count 50] [--seed S] [--append FILE]

The disk is a tmpfs of its own, so root must run it. At each level a process that has documents open meets more of them than there
is room for. Then: the error says what to do, nothing that was reported live is lost, and a search still answers; at every other
level the process ends, and one that starts on the full disk answers too, or says what to do. Once there is room a sync is done
with five CPU-seconds, and in the end each index holds what the catalogue says. Vectors are replayed, documents read without the
sandbox.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults import forks  # isort: skip  it sees to it that the program has one thread

from benchmarks.knowledge import replay
from chatbot.bootstrap import Application
from chatbot.errors import ChatbotError
from chatbot.schema import Query
from tests.faults import checker, rounds
from tests.faults.changing_folder import Shelf
from tests.faults.forks import ChildFailed, Tell
from tests.faults.sync_kills import compiled, opened

DISK_BYTES = 256 * 2**20
DOCUMENTS, MORE = 20, 40
RESUMED_CPU_S = 5


class Disk:
    """A tmpfs with a data directory on it, and ballast that leaves so much room and no more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.ballast = folder / "ballast"

    def fill(self, left: int) -> None:
        """Leave `left` bytes."""
        state = os.statvfs(self.folder)
        free = state.f_bavail * state.f_frsize
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(4096, free - left))

    def used(self) -> int:
        state = os.statvfs(self.folder)
        return (state.f_blocks - state.f_bfree) * state.f_frsize


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class Level:
    """One sync that meets a full disk."""

    def __init__(self, disk: Disk, left: int, shelf: Shelf, encoder: replay.Replayed) -> None:
        self._disk, self._left, self._shelf, self._encoder = disk, left, shelf, encoder
        self._before = {path: hashes[0] for path, hashes in checker.live(disk.data).items()}

    def run(self, restart: bool) -> dict[str, Any]:
        """What happened; `wrong` lists what must not."""
        told: dict[str, Any] = {"documents": [], "error": "", "found": [], "lost": [], "resumed_s": [], "resumed_cpu_s": []}
        wrong: list[str] = []
        for work in (self._fail_and_restart if restart else self._fail_and_resume, self._resume):
            try:
                with forks.trials():
                    for name, value in forks.run(work).told:
                        told[name] = [*told[name], value] if isinstance(told.get(name), list) else value
            except ChildFailed as error:
                wrong.append(str(error))
            if self._disk.ballast.exists():
                wrong += self._lost(told["documents"])
                self._disk.ballast.unlink()
        return {**told, "documents": len(told["documents"]), "wrong": [*wrong, *self._wrong(told)]}

    def _fail_and_resume(self, tell: Tell) -> None:
        with opened(self._disk.data, self._encoder) as application:
            self._disk.fill(self._left)
            documents = self._sync(application, tell)
            self._search(application, tell)
            for each in self._lost(documents):
                tell(["lost", each])
            self._disk.ballast.unlink()
            self._resumed(application, tell)

    def _fail_and_restart(self, tell: Tell) -> None:
        with opened(self._disk.data, self._encoder) as application:
            self._disk.fill(self._left)
            self._sync(application, tell)
            self._search(application, tell)
        try:
            with opened(self._disk.data, self._encoder) as application:
                self._search(application, tell)
        except ChatbotError as error:
            tell(["restart", f"{type(error).__name__}: {error}"])

    def _resume(self, tell: Tell) -> None:
        """Open what is there now that there is room; the process before may have left nothing to do."""
        with opened(self._disk.data, self._encoder) as application:
            self._resumed(application, tell)
            application.indexes.wait()
            tell(["trouble", application.indexes.trouble])

    def _resumed(self, application: Application, tell: Tell) -> None:
        begun, spent = time.monotonic(), time.process_time()
        for _ in application.sync([str(self._shelf.folder)], "shelf"):
            pass
        tell(["resumed_s", round(time.monotonic() - begun, 3)])
        tell(["resumed_cpu_s", round(time.process_time() - spent, 3)])

    def _sync(self, application: Application, tell: Tell) -> list[tuple[str, str]]:
        """What was reported until the disk was full."""
        reported: list[tuple[str, str]] = []
        try:
            for report in application.sync([str(self._shelf.folder)], "shelf"):
                reported.append((report.source, report.state))
                tell(["documents", reported[-1]])
        except ChatbotError as error:
            tell(["error", f"{type(error).__name__}: {error}"])
        return reported

    def _search(self, application: Application, tell: Tell) -> None:
        tell(["found", len(asyncio.run(application.search(Query(text="the pumping of the motors"), 5)))])

    def _lost(self, documents: list[tuple[str, str]]) -> list[str]:
        held, now = checker.live(self._disk.data), self._shelf.hashes()
        reported = [f"{path} was reported {state}, and is not live" for path, state in documents if held.get(path) != [now[path]]]
        return reported + [f"{path} was live, and is gone" for path in self._before if path not in held]

    def _wrong(self, told: dict[str, Any]) -> list[str]:
        wrong = [*told["lost"], *forks.answer(lambda: checker.faults(self._disk.data))]
        if checker.live(self._disk.data) != {path: [hash_] for path, hash_ in self._shelf.hashes().items()}:
            wrong.append("in the end the catalogue holds other documents than the folder")
        for said in (told["error"], told.get("restart", "")):
            if said and "disk" not in said and "room" not in said:
                wrong.append(f"the error does not speak of the disk: {said}")
        if not all(told["found"]):
            wrong.append("a search found nothing while the disk was full")
        if max(told["resumed_cpu_s"], default=RESUMED_CPU_S + 1) > RESUMED_CPU_S:
            wrong.append(f"not done with {RESUMED_CPU_S} CPU-seconds after there was room")
        if told.get("trouble", "not opened"):
            wrong.append(f"in the end: {told.get('trouble')}")
        return wrong


def main() -> None:
    given = rounds.arguments(__doc__, 50).parse_args()
    kept = rounds.Kept(given.append, given.seed)
    done = {line["level"] for line in kept.lines if line["count"] == given.count}
    encoder = replay.Replayed(compiled(given.work))
    with disk(given.work / "disk") as place:
        shelf, needed = _prepared(place, given.work, encoder, given.seed)
    for level in sorted(set(range(given.count)) - done):
        with disk(given.work / "disk") as place:
            shutil.copytree(given.work / "kept", place.data, symlinks=True)
            left = needed * level // given.count
            found = Level(place, left, shelf, encoder).run(restart=bool(level % 2))
        kept.add({"level": level, "count": given.count, "left_bytes": left, **found})
        print(f"{left / 2**20:6.2f} MiB left: {found['error'] or 'enough'}; wrong: {found['wrong'] or 'nothing'}", flush=True)
    met, wrong = (sum(bool(line[what]) for line in kept.lines) for what in ("error", "wrong"))
    print(f"{met} of {len(kept.lines)} levels met a full disk; something wrong at {wrong} (target 0)")
    sys.exit(bool(wrong))


def _prepared(place: Disk, work: Path, encoder: replay.Replayed, seed: int) -> tuple[Shelf, int]:
    """Documents that are live, kept as they lie on the disk; a folder that holds more, and how many bytes those take."""
    for each in ("folder", "kept"):
        shutil.rmtree(work / each, ignore_errors=True)
    shelf = Shelf(work / "folder", str(seed), DOCUMENTS)

    def sync(_: Tell) -> None:
        with opened(place.data, encoder) as application:
            for _ in application.sync([str(shelf.folder)], "shelf"):
                pass

    forks.run(sync)
    shutil.copytree(place.data, work / "kept", symlinks=True)
    before = place.used()
    for _ in range(MORE):
        shelf.add()
    forks.run(sync)
    return shelf, place.used() - before


if __name__ == "__main__":
    main()

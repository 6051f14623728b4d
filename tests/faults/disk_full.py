"""Syncs into a disk that is nearly full, at many levels of how nearly, then gives the room back.

    python -m tests.faults.disk_full --work DIR [--count 50] [--seed S] [--append FILE]

The disk is a tmpfs of its own, so root must run it. At each level a process that has documents open meets more of them than there
is room for. Then: the error says what to do, nothing that was reported live is lost, and a search still answers; at every other
level the process ends, and one that starts on the full disk answers too, or says what to do. Once there is room a sync is done
within five seconds, and in the end each index holds what the catalogue says. Vectors are replayed, documents read without the
sandbox.
"""

# ruff: noqa: E402  what must come before the imports stands before them

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults.sync_kills import compiled, opened  # isort: skip  it sees to it that the program has one thread

from benchmarks import record
from benchmarks.knowledge import replay
from chatbot.bootstrap import Application
from chatbot.errors import ChatbotError
from chatbot.schema import Query
from tests.faults import checker, forks
from tests.faults.changing_folder import Shelf
from tests.faults.forks import ChildFailed, Tell

DISK_BYTES = 256 * 2**20
DOCUMENTS, MORE = 20, 60
RESUMED_S = 5


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
        told: dict[str, Any] = {"documents": [], "error": "", "found": []}
        wrong: list[str] = []
        for work in (self._fail_and_restart, self._resume) if restart else (self._fail_and_resume,):
            try:
                for name, value in forks.run(work).told:
                    told[name] = [*told[name], value] if isinstance(told.get(name), list) else value
            except ChildFailed as error:
                wrong.append(str(error))
            if work == self._fail_and_restart:
                wrong += self._lost(told["documents"])
                self._disk.ballast.unlink()
        return {**told, "documents": len(told["documents"]), "wrong": [*wrong, *self._wrong(told)]}

    def _fail_and_resume(self, tell: Tell) -> None:
        with opened(self._disk.data, self._encoder) as application:
            self._disk.fill(self._left)
            self._sync(application, tell)
            self._search(application, tell)
            self._disk.ballast.unlink()
            self._timed(lambda: self._sync(application, lambda _: None, fail=True), tell)

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
        def resume() -> None:
            with opened(self._disk.data, self._encoder) as application:
                self._sync(application, lambda _: None, fail=True)

        self._timed(resume, tell)

    def _sync(self, application: Application, tell: Tell, fail: bool = False) -> None:
        try:
            for report in application.sync([str(self._shelf.folder)], "shelf"):
                tell(["documents", [report.source, report.state]])
        except ChatbotError as error:
            if fail:
                raise
            tell(["error", f"{type(error).__name__}: {error}"])

    def _search(self, application: Application, tell: Tell) -> None:
        tell(["found", len(asyncio.run(application.search(Query(text="the pumping of the motors"), 5)))])

    def _timed(self, work: Callable[[], None], tell: Tell) -> None:
        begun = time.monotonic()
        work()
        tell(["resumed_s", round(time.monotonic() - begun, 3)])

    def _lost(self, documents: list[tuple[str, str]]) -> list[str]:
        held, now = checker.live(self._disk.data), self._shelf.hashes()
        reported = [f"{path} was reported {state}, and is not live" for path, state in documents if held.get(path) != [now[path]]]
        return reported + [f"{path} was live, and is gone" for path in self._before if path not in held]

    def _wrong(self, told: dict[str, Any]) -> list[str]:
        wrong = forks.run(lambda tell: tell(checker.faults(self._disk.data))).told[0]
        if checker.live(self._disk.data) != {path: [hash_] for path, hash_ in self._shelf.hashes().items()}:
            wrong.append("in the end the catalogue holds other documents than the folder")
        for said in (told["error"], told.get("restart", "")):
            if said and "disk" not in said and "room" not in said:
                wrong.append(f"the error does not speak of the disk: {said}")
        if not all(told["found"]):
            wrong.append("a search found nothing while the disk was full")
        if told.get("resumed_s", RESUMED_S + 1) > RESUMED_S:
            wrong.append(f"not done {RESUMED_S} s after there was room")
        return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder to mount the disk in")
    parser.add_argument("--count", type=int, default=50, help="levels, from no room to all that is needed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--append", type=Path, metavar="FILE", help="keep each level as a line, and go on from there")
    given = parser.parse_args()
    done = {line["row"] for line in record.read(given.append, "disk_full", seed=given.seed, count=given.count)}
    encoder = replay.Replayed(compiled(given.work))
    wrong = met = 0
    for level in range(given.count):
        if str(level) in done:
            continue
        with disk(given.work / "disk") as place:
            shelf, needed = _prepared(place, given.work, encoder, given.seed)
            left = needed * level // given.count
            found = Level(place, left, shelf, encoder).run(restart=bool(level % 2))
        record.append(
            given.append, "disk_full", str(level), {"seed": given.seed, "count": given.count, "left_bytes": left, **found}
        )
        met += bool(found["error"])
        wrong += bool(found["wrong"])
        print(f"{left / 2**20:6.2f} MiB left: {found['error'] or 'enough'}", flush=True)
        print(
            f"    {found.get('restart', '')}; done in {found.get('resumed_s')} s; wrong: {found['wrong'] or 'nothing'}",
            flush=True,
        )
    print(f"{met} of {given.count - len(done)} levels met a full disk; something wrong at {wrong} (target 0)")
    sys.exit(bool(wrong))


def _prepared(place: Disk, work: Path, encoder: replay.Replayed, seed: int) -> tuple[Shelf, int]:
    """Documents that are live on the disk, a folder that holds more, and how many bytes those take."""
    shutil.rmtree(work / "folder", ignore_errors=True)
    shelf = Shelf(work / "folder", str(seed), DOCUMENTS)

    def sync(_: Tell) -> None:
        with opened(place.data, encoder) as application:
            for _ in application.sync([str(shelf.folder)], "shelf"):
                pass

    forks.run(sync)
    kept, before = shutil.copytree(place.data, work / "kept", dirs_exist_ok=True), place.used()
    for _ in range(MORE):
        shelf.add()
    forks.run(sync)
    needed = place.used() - before
    shutil.rmtree(place.data)
    shutil.copytree(kept, place.data)
    shutil.rmtree(kept)
    return shelf, needed


if __name__ == "__main__":
    main()

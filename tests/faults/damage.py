"""Bit flips and truncation of every file of a data directory. Each is found out and named, mended, or does no harm; nothing that
was acknowledged is lost without a word, and no search answers wrongly.

    python -m tests.faults.damage --work DIR [--count 300] [--seed S] [--append FILE] [--only NAME]
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults import forks  # isort: skip  it sees to it that the program has one thread

from chatbot.errors import ChatbotError
from tests.faults import rounds, shelf
from tests.faults.forks import ChildFailed

_KILLED_SHARE = 0.25
"""Of the directories: those without seals, as a killed process leaves them, where less is known of how the files were."""


def flip(content: bytearray, chance: random.Random) -> None:
    """One bit."""
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def garble(content: bytearray, chance: random.Random) -> None:
    """Up to 4,096 bytes in a row."""
    start = chance.randrange(len(content))
    length = min(chance.randrange(1, 4097), len(content) - start)
    content[start : start + length] = chance.randbytes(length)


def cut(content: bytearray, chance: random.Random) -> None:
    """The end is gone; at times all of it."""
    del content[chance.choice((0, chance.randrange(len(content)))) :]


HARMS: tuple[Callable[[bytearray, random.Random], None], ...] = (flip, garble, cut)


def harm(file: Path, how: Callable[[bytearray, random.Random], None], chance: random.Random) -> bool:
    """Do it to a file; true if its time of change stays, as it does where a disk loses what it held."""
    before, content = file.stat(), bytearray(file.read_bytes())
    how(content, chance)
    file.write_bytes(content)
    if keeps_time := chance.random() < 0.5:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    return keeps_time


def use(data: Path, seed: str) -> dict[str, Any]:
    """Open the harmed directory and search until all is whole; what was refused or mended."""
    try:
        found = shelf.used(data, seed)
    except ChatbotError as error:
        return {"outcome": "refused", "said": str(error).replace(str(data), "DATA")}
    said = str(found["rebuilt"]).replace(str(data), "DATA")
    return {"outcome": "repaired" if found["rebuilt"] else "undamaged", **found, "rebuilt": said}


def one_round(whole: Path, data: Path, number: int, seed: str, only: str) -> dict[str, Any]:
    """Every file in turn, or those of one name, each time harmed in another way."""
    chance = random.Random(f"{seed} {number}")
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(whole, data)  # with the times of change
    killed = chance.random() < _KILLED_SHARE
    if killed:
        for seal in (*data.glob("indexes/*/seal.json"), *data.glob("*.closed")):
            seal.unlink()
    files = sorted(path for path in data.rglob(only) if path.is_file() and path.stat().st_size)
    file, how = files[number % len(files)], chance.choice(HARMS)
    keeps_time = harm(file, how, chance)
    name = str(file.relative_to(data))
    row: dict[str, Any] = {"file": name, "harm": how.__name__, "keeps_time": keeps_time, "killed": killed}
    try:
        with forks.trials():
            row |= forks.answer(lambda: use(data, seed))
        if row["outcome"] == "refused":
            return {**row, "passed": "catalogue" in row["said"]}
        row["differences"] = forks.answer(lambda: shelf.differences(data)[:5])
        if row["differences"]:
            row["named"] = forks.answer(lambda: shelf.verified(data))
    except ChildFailed as error:
        return {**row, "failures": [str(error)], "passed": False}
    # a text that is not what was read can be made anew from nothing that is here; `chatbot verify` names it
    is_told = row["differences"] and row["named"] and all(each in shelf.OF_TEXTS for each in row["differences"])
    row["passed"] = not ((row["differences"] and not is_told) or row["failures"] or row["left"])
    return row


def main() -> None:
    parser = rounds.arguments(__doc__, 300)
    parser.add_argument("--only", metavar="NAME", default="*", help="harm files of this name")
    given = parser.parse_args()
    kept = rounds.Kept(given.append, given.seed)
    whole, data = given.work / "whole", given.work / "data"
    shutil.rmtree(whole, ignore_errors=True)
    forks.answer(lambda: shelf.furnish(whole))
    failed = 0
    for number in sorted(set(range(given.count)) - {line["round"] for line in kept.lines}):
        row = one_round(whole, data, number, str(given.seed), given.only)
        kept.add({"round": number, **row})
        if not row["passed"]:
            print(json.dumps(row), flush=True)
            failed += 1
    print(f"{len(kept.lines)} files were harmed; {failed} of them now were not found out or not mended (target 0)")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

"""Bit flips and truncation of every file of a data directory. Each is found out and named, mended, or does no harm; nothing that
was acknowledged is lost without a word, and no search answers wrongly.

    python tests/faults/damage.py --count 300 --seed 1 --append tests/faults/results/damage.jsonl
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import shelf
from shelf import Searcher

from chatbot.errors import ChatbotError
from chatbot.knowledge.store.catalogue import Catalogue

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["shelf"])


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


def use(data: Path, seed: str, parent: Connection) -> None:
    """Open the harmed directory and search until all is whole; tell what was refused or mended."""
    try:
        catalogue = Catalogue(data / "catalogue.sqlite")
        indexes = shelf.opened(data, catalogue)
    except ChatbotError as error:
        parent.send({"outcome": "refused", "said": str(error)})
        return
    searcher = Searcher(indexes, seed)
    searcher.start()
    indexes.wait()
    searcher.stop()
    told = {"outcome": "repaired" if indexes.rebuilt else "undamaged", "said": indexes.rebuilt, "left": indexes.trouble}
    indexes.close()
    catalogue.close()
    parent.send({**told, "searches": searcher.searches, "failures": searcher.failures[:3]})


def one_round(whole: Path, data: Path, scratch: Path, seed: str) -> dict[str, object]:
    chance = random.Random(seed)
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(whole, data)  # with the times of change
    files = sorted(path for path in data.rglob("*") if path.is_file() and path.stat().st_size)
    file, how = chance.choice(files), chance.choice(HARMS)
    killed = chance.random() < 0.25  # then there is no seal, and less is known of how the files were
    if killed:
        for seal in (*data.glob("indexes/*/seal.json"), *data.glob("*.closed")):
            seal.unlink()
        file = file if file.exists() else data / "catalogue.sqlite"
    keeps_time = harm(file, how, chance)
    here, there = _processes.Pipe(duplex=False)
    child = _processes.Process(target=use, args=(data, seed, there))
    child.start()
    there.close()
    try:
        told = here.recv() if here.poll(300) else {"outcome": "hangs"}
    except EOFError:
        told = {"outcome": "ended"}
    child.join(30)
    child.kill()
    row: dict[str, object] = {
        "file": str(file.relative_to(data)),
        "harm": how.__name__,
        "keeps_time": keeps_time,
        "killed": killed,
    }
    row |= {**told, "exit": child.exitcode}
    if told["outcome"] == "refused":
        row["passed"] = "catalogue" in str(told["said"])
        return row
    differences = shelf.differences(data, scratch)[:5] if told["outcome"] in ("repaired", "undamaged") else ["no answer"]
    row["differences"] = differences
    row["passed"] = not (differences or told["failures"] or told["left"])
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--append", type=Path)
    given = parser.parse_args()
    lines = given.append.read_text().splitlines() if given.append and given.append.exists() else []
    done = sum(json.loads(line)["seed"] == given.seed for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        whole, data, scratch = (Path(folder) / name for name in ("whole", "data", "copy"))
        shelf.furnish(whole)
        for number in range(done, given.count):
            row = {"seed": given.seed, "round": number, **one_round(whole, data, scratch, f"{given.seed} {number}")}
            print(json.dumps(row), flush=True)
            if given.append:
                with given.append.open("a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()

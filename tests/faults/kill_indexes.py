"""kill -9 of the process that owns Chroma, at random moments of adding and deleting. Afterwards whoever opens the data directory
next finds both indexes equal to the catalogue or makes them so, and no search fails meanwhile.

    python tests/faults/kill_indexes.py --count 200 --seed 1 --append tests/faults/results/kill_indexes.jsonl
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import shelf
from shelf import Searcher

from chatbot.knowledge.store.catalogue import Catalogue

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["shelf"])


def own(data: Path, seed: str, parent: Connection) -> None:
    """Add and delete documents until killed, and tell what the searches find."""
    catalogue = Catalogue(data / "catalogue.sqlite")
    indexes = shelf.opened(data, catalogue)
    searcher = Searcher(indexes, seed)
    searcher.start()
    moments = random.Random(seed)
    live = {int(document.source.removesuffix(".md")) for document in catalogue.documents()}
    parent.send("ready")
    while True:
        number = moments.randrange(shelf.DOCUMENTS)
        if number in live and (number % 2 or number >= 2 * shelf.KEPT):
            shelf.remove(catalogue, indexes, number)
            live.remove(number)
        elif number not in live:
            shelf.publish(catalogue, indexes, number)
            live.add(number)
        parent.send((searcher.searches, searcher.failures[:3]))


def reopen(data: Path, seed: str, parent: Connection) -> None:
    """Open what the killed one left, search until all is whole, and close properly."""
    begun = time.monotonic()
    catalogue = Catalogue(data / "catalogue.sqlite")
    indexes = shelf.opened(data, catalogue)
    opened_s = time.monotonic() - begun
    trouble, searcher = indexes.trouble, Searcher(indexes, seed)
    searcher.start()
    indexes.wait()
    whole_s = time.monotonic() - begun
    searcher.stop()
    told = {"opened_s": round(opened_s, 2), "whole_s": round(whole_s, 2), "trouble": trouble, "rebuilt": indexes.rebuilt}
    told |= {"left": indexes.trouble, "searches": searcher.searches, "failures": searcher.failures[:3]}
    indexes.close()
    catalogue.close()
    parent.send(told)


def kill_one(data: Path, seed: str, moments: random.Random) -> tuple[int, int, list[str]]:
    """Changes and searches of an owner until it was killed, and those searches that failed."""
    here, there = _processes.Pipe(duplex=False)
    owner = _processes.Process(target=own, args=(data, seed, there))
    owner.start()
    there.close()
    if moments.random() < 0.85:  # the others may be killed while they open
        here.poll(60)
    time.sleep(moments.uniform(0, 2))
    owner.kill()
    owner.join()
    changes, told = 0, (0, list[str]())
    try:
        while True:
            if (word := here.recv()) != "ready":
                changes, told = changes + 1, word
    except (EOFError, OSError):
        return changes, *told  # the last word of a killed process may be cut short


def one_round(data: Path, scratch: Path, seed: str) -> dict[str, object]:
    moments = random.Random(seed)
    # the second of two finds what the first left, and is killed while it looks through that or builds it anew
    killed = [kill_one(data, f"{seed} {number}", moments) for number in range(moments.choice((1, 1, 2)))]
    failures = [failure for *_, failed in killed for failure in failed]
    here, there = _processes.Pipe(duplex=False)
    after = _processes.Process(target=reopen, args=(data, f"{seed} after", there))
    after.start()
    there.close()
    found = here.recv() if here.poll(300) else {"failures": ["it does not come back"]}
    after.join(30)
    after.kill()
    changes, searches = sum(each[0] for each in killed), sum(each[1] for each in killed)
    row: dict[str, object] = {"kills": len(killed), "changes": changes, "searches_before": searches, "failures_before": failures}
    row |= found
    row["exit"] = after.exitcode
    row["differences"] = shelf.differences(data, scratch)[:5]
    row["passed"] = not (failures or row["failures"] or row["differences"] or row["exit"] or row.get("left"))
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
        data = shelf.furnish(Path(folder) / "data")
        for number in range(done, given.count):
            row = {"seed": given.seed, "round": number, **one_round(data, Path(folder) / "copy", f"{given.seed} {number}")}
            print(json.dumps(row), flush=True)
            if given.append:
                with given.append.open("a") as file:
                    file.write(json.dumps(row) + "\n")
            if not row["passed"]:
                shutil.rmtree(data)
                shelf.furnish(data)


if __name__ == "__main__":
    main()

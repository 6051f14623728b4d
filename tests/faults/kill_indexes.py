"""kill -9 of the process that owns Chroma, at random moments of adding and deleting. Afterwards whoever opens the data directory
next finds both indexes equal to the catalogue or makes them so, encoding nothing, and no search fails meanwhile.

    python -m tests.faults.kill_indexes --work DIR [--count 200] [--seed S] [--append FILE]
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.faults import forks  # isort: skip  it sees to it that the program has one thread

from chatbot.knowledge.store.catalogue import Catalogue
from tests.faults import rounds, shelf
from tests.faults.forks import ChildFailed, Tell
from tests.faults.shelf import Searcher

_WHILE_OPEN_SHARE = 0.85
"""Of the kills; the others may come while the stores are opened."""


def own(data: Path, seed: str, tell: Tell) -> None:
    """Add and delete documents until killed, and tell what the searches find."""
    catalogue = Catalogue(data / "catalogue.sqlite")
    indexes = shelf.opened(data, catalogue)
    searcher = Searcher(indexes, seed)
    searcher.start()
    moments = random.Random(seed)
    live = {int(document.source.removesuffix(".md")) for document in catalogue.documents()}
    tell([0, 0, []])
    for changes in range(1, sys.maxsize):
        number = moments.randrange(shelf.DOCUMENTS)
        if number in live and (number % 2 or number >= 2 * shelf.KEPT):
            shelf.remove(catalogue, indexes, number)
            live.remove(number)
        elif number not in live:
            shelf.publish(catalogue, indexes, number)
            live.add(number)
        tell([changes, searcher.searches, searcher.failures[:3]])


def kill_one(data: Path, seed: str, moments: random.Random) -> tuple[int, int, list[str]]:
    """Changes and searches of an owner until it was killed, and those searches that failed."""
    while_open = moments.random() < _WHILE_OPEN_SHARE
    with forks.trials():
        ended = forks.run(lambda tell: own(data, seed, tell), moments.uniform(0, 2), from_first_word=while_open)
    assert ended.killed
    changes, searches, failures = ended.told[-1] if ended.told else (0, 0, [])
    return changes, searches, failures


def one_round(data: Path, seed: str) -> dict[str, Any]:
    moments = random.Random(seed)
    # the second of two finds what the first left, and is killed while it looks through that or builds it anew
    killed = [kill_one(data, f"{seed} {number}", moments) for number in range(moments.choice((1, 1, 2)))]
    failures = [failure for *_, failed in killed for failure in failed]
    changes, searches = sum(each[0] for each in killed), sum(each[1] for each in killed)
    row: dict[str, Any] = {"kills": len(killed), "changes": changes, "searches_before": searches, "failures_before": failures}
    try:
        with forks.trials():
            row |= forks.answer(lambda: shelf.used(data, f"{seed} after"))
        row["differences"] = forks.answer(lambda: shelf.differences(data)[:5])
    except ChildFailed as error:
        return {**row, "failures": [str(error)], "passed": False}
    row["passed"] = not (failures or row["failures"] or row["differences"] or row["left"] or row["encoded"])
    return row


def main() -> None:
    given = rounds.arguments(__doc__, 200).parse_args()
    kept = rounds.Kept(given.append, given.seed)
    data = given.work / "data"
    shutil.rmtree(data, ignore_errors=True)
    failed = 0
    while (kills := sum(line["kills"] for line in kept.lines)) < given.count:
        number = len(kept.lines)
        if not data.exists():
            forks.answer(lambda: shelf.furnish(data))
        row = one_round(data, f"{given.seed} {number}")
        kept.add({"round": number, **row})
        if not row["passed"]:
            print(json.dumps(row), flush=True)
            failed += 1
            shutil.rmtree(data)
    print(f"{kills} kills in {len(kept.lines)} rounds; {failed} failed now (target 0)")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

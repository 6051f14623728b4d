"""The pace of a sync: what is left follows from what was done lately, and nobody is told a number too early."""

from __future__ import annotations

import pytest

from chatbot.errors import SyncStopped
from chatbot.knowledge.syncing.pace import Pace
from chatbot.reports import SyncProgress

SIZE = 10_000


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_said_before_there_is_anything_to_tell_it_by() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.now() == SyncProgress()
    pace.begin([SIZE] * 100)
    clock.now = 60
    assert pace.now().seconds_left is None, "no document is done"
    pace.done(SIZE)
    assert pace.now().seconds_left


def test_a_steady_sync_knows_its_end() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin([SIZE] * 100)
    for second in range(1, 100):
        clock.now = second
        pace.done(SIZE)
        if second > 3:
            assert pace.now().seconds_left == pytest.approx(100 - second, abs=0.6)
    progress = pace.now()
    assert (progress.done, progress.total, progress.bytes_done, progress.bytes_total) == (99, 100, 99 * SIZE, 100 * SIZE)


def test_after_a_fast_start_the_estimate_follows_the_slow_rest() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin([SIZE] * 1000)
    for _ in range(900):  # unchanged ones
        clock.now += 0.01
        pace.done(SIZE)
    for _ in range(60):
        clock.now += 1
        pace.done(SIZE)
    assert pace.now().seconds_left == pytest.approx(40, rel=0.1)


def test_a_document_that_is_being_encoded_counts_as_far_as_it_is() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin([SIZE, SIZE * 20])
    clock.now = 2
    pace.done(SIZE)
    clock.now = 6  # a tenth of the time goes into reading
    pace.parsed(SIZE * 20)
    pace.batch(200)
    for second in range(7, 47):
        clock.now = second
        pace.embedded(5, 5)
        if second > 16:
            assert pace.now().seconds_left == pytest.approx(46 - second, rel=0.35, abs=2)
    assert pace.now().chunks_per_s == pytest.approx(5, rel=0.1)


def test_whoever_asks_for_an_end_gets_one() -> None:
    pace = Pace()
    pace.check()
    pace.stop()
    with pytest.raises(SyncStopped, match="what was done is kept"):
        pace.check()


def test_documents_that_are_split_anew_are_counted_for_themselves() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin([SIZE] * 2, splits_anew=True)
    assert (pace.now().total, pace.now().splits_anew) == (2, True)
    for _ in range(2):
        pace.parsed(SIZE)
        pace.done(SIZE, waited=True)
    pace.resplit(2)
    clock.now = 60
    pace.begin([SIZE] * 5)
    assert pace.now() == SyncProgress(total=5, bytes_total=5 * SIZE, resplit=2)


def test_what_another_process_says_is_shown() -> None:
    pace = Pace()
    told = SyncProgress(done=3, total=9)
    pace.tell(told)
    assert pace.now() == told

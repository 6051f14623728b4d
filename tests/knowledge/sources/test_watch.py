"""Watching: a change is a round, what changes during a round is another, and a folder may go and come back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatbot.errors import DatabaseUnavailable
from chatbot.knowledge.sources import watch


@contextmanager
def watched(*places: Path, but_not: str = "") -> Iterator[queue.Queue[int]]:
    """The number of each round, as it begins."""
    stop, rounds = threading.Event(), queue.Queue[int]()

    def look() -> None:
        for number, _ in enumerate(watch.rounds(lambda: [str(place) for place in places], stop, but_not)):
            rounds.put(number)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert rounds.get(timeout=10) == 0
        yield rounds
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_QUIET_MS", 50)
    monkeypatch.setattr(watch, "_POLL_S", 1)


def settled(rounds: queue.Queue[int]) -> None:
    """Wait for a round of the clock, so that the watch has begun."""
    rounds.get(timeout=10)


def test_a_change_is_a_round_without_waiting_for_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_POLL_S", 1000)
    with watched(tmp_path) as rounds:
        for number in range(1, 50):  # until the watch has begun, a change may go unseen
            (tmp_path / f"{number}.md").touch()
            try:
                assert rounds.get(timeout=0.5) == 1
            except queue.Empty:
                continue
            break
        else:
            pytest.fail("no change was seen")


def test_where_nobody_tells_of_changes_the_clock_does(tmp_path: Path) -> None:
    with watched(tmp_path / "nowhere") as rounds:
        assert [rounds.get(timeout=10) for _ in range(2)] == [1, 2]


def test_a_folder_that_comes_back_is_watched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with watched(folder) as rounds:
        settled(rounds)
        folder.rename(tmp_path / "away")
        settled(rounds)
        (tmp_path / "away").rename(folder)
        settled(rounds)
        before = rounds.get(timeout=10)
        (folder / "a.md").touch()
        assert rounds.get(timeout=10) > before


def test_a_watch_outlives_a_moment_in_which_nobody_can_say_what_to_watch(tmp_path: Path) -> None:
    answers = iter([DatabaseUnavailable("away"), RuntimeError("error in underlying watcher")])
    stop = threading.Event()

    def places() -> list[str]:
        if error := next(answers, None):
            raise error
        return [str(tmp_path)]

    rounds = watch.rounds(places, stop)
    assert [next(rounds) for _ in range(4)] == [None] * 4
    stop.set()
    assert list(rounds) == []


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("a.md", True),
        ("deep/a.md", True),
        (".hidden.md", False),
        (".git/a.md", False),
        ("data/index", False),
        ("data2/a.md", True),
    ],
)
def test_hidden_files_and_the_data_directory_do_not_count(path: str, counts: bool) -> None:
    assert watch._counts(f"/home/.me/docs/{path}", ["/home/.me/docs"], "/home/.me/docs/data") is counts

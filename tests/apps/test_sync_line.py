"""The line that says how far a sync is."""

from __future__ import annotations

from chatbot.apps.sync_line import line, resplit
from chatbot.reports import SyncProgress


def test_nothing_is_said_before_there_is_a_plan() -> None:
    assert line(SyncProgress()) == ""


def test_documents_that_are_split_anew_are_not_taken_for_those_of_the_sources() -> None:
    assert line(SyncProgress(done=1, total=1200)) == "1 of 1,200 documents"
    assert line(SyncProgress(done=1, total=1200, splits_anew=True)) == "splitting anew 1 of 1,200 documents"


def test_what_was_split_anew_is_said_in_one_line() -> None:
    assert resplit(SyncProgress(resplit=1200)) == "1,200 documents split anew, as the settings of chunks are now"
    assert resplit(SyncProgress()) == ""

"""Server-Sent Events out of bytes cut anywhere."""

from __future__ import annotations

import random

import pytest

from chatbot.engines import sse
from chatbot.engines.sse import Events, EventTooLong

STREAM = (
    'data: {"a":"é€😀"}\n\n: a comment\n\nid: 7\ndata: one\ndata:two\n\r\ndata: three\r\n\r\nevent: x\n\ndata: [DONE]\n\n'
).encode()
EVENTS = ['{"a":"é€😀"}'.encode(), b"one\ntwo", b"three", b"[DONE]"]


def test_comments_and_other_fields_are_skipped_and_lines_of_data_joined() -> None:
    assert Events().feed(STREAM) == EVENTS


def test_any_cut_of_the_bytes_gives_the_same_events() -> None:
    chance = random.Random(3)
    for _ in range(500):
        cuts = sorted(chance.sample(range(1, len(STREAM)), chance.randrange(len(STREAM) // 2)))
        events = Events()
        pieces = [STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]
        assert [event for piece in pieces for event in events.feed(piece)] == EVENTS


def test_an_event_that_does_not_end_is_not_given() -> None:
    assert Events().feed(b"data: half") == []


def test_a_line_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 1000)
    events = Events()
    for _ in range(10):
        events.feed(b"x" * 100)

    with pytest.raises(EventTooLong):
        events.feed(b"x")


def test_an_event_of_endless_lines_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 1000)
    events = Events()
    for _ in range(9):
        events.feed(b"data: " + b"x" * 100 + b"\n")

    with pytest.raises(EventTooLong):
        events.feed(b"x" * 100)


def test_many_short_events_are_no_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 1000)

    assert len(Events().feed(b"data: x\n\n" * 1000)) == 1000

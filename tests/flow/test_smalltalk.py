"""smalltalk: pleasantries get their own words, and everything else is looked up."""

from __future__ import annotations

import pytest

from chatbot.flow.smalltalk import smalltalk


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("hello", "smalltalk"),
        ("Hi there!", "smalltalk"),
        ("who are you?", "smalltalk"),
        ("HELP", "smalltalk"),
        ("Are you a human?", "smalltalk"),
        ("am I talking to a real person?", "smalltalk"),
        ("who made you", "smalltalk"),
        ("thank you very much", "thanks"),
        ("ok, thanks", "thanks"),
        ("Thanks, that helps!", "thanks"),
        ("that’s great", "thanks"),
        ("bye", "farewell"),
        ("Thanks, bye!", "farewell"),
    ],
)
def test_pleasantries_get_their_own_words(text: str, prompt: str) -> None:
    assert smalltalk(text) == prompt


@pytest.mark.parametrize(
    "text",
    [
        "hello world program in C",
        "help me install it",
        "what can you do about typos",
        "thanksgiving",
        "are you a person who can reset passwords",
        "who made you-tube",
        "ok but why",
        "that helps whom",
        "?",
        "",
        "hi" + "(" * 4000,
    ],
)
def test_anything_to_look_up_is_not(text: str) -> None:
    assert smalltalk(text) == ""

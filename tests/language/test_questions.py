"""questions: what is asked in one breath is told apart, and what is one question is left whole."""

from __future__ import annotations

import pytest

from chatbot.language import questions


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("How do I reset my password? And what does it cost?", ["How do I reset my password?", "And what does it cost?"]),
        ("When was the tower built, and who built it?", ["When was the tower built", "who built it?"]),
        ("when was the tower built and who built it", ["when was the tower built", "who built it"]),
        ("What is a token? What is a chunk? What is a vector?", ["What is a token?", "What is a chunk?", "What is a vector?"]),
    ],
)
def test_several_questions_are_told_apart(text: str, parts: list[str]) -> None:
    assert questions.split(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "How do I install it on Linux and Windows?",
        "What is the difference between how it is built and how it is run?",
        "The lamp is red and what I see is smoke. What now?",
        "Really? What is a token?",
        "What is A? What is B? What is C? What is D?",
        "???",
        "",
        "a" * 4000,
        "? " * 2000,
    ],
)
def test_what_is_one_question_is_left_whole(text: str) -> None:
    assert questions.split(text) == [text]


STORY = "We bought the kettle last week. " * 12


def test_a_long_message_is_its_questions_behind_the_end_of_what_it_tells() -> None:
    told, asked = questions.told_and_asked(f"{STORY}Since then it leaks. How do I mend it? {STORY}Who pays for that?")

    assert asked == "How do I mend it? Who pays for that?"
    assert told.endswith("We bought the kettle last week.")
    assert len(told.split()) == 60


@pytest.mark.parametrize("text", ["Since then it leaks. How do I mend it?", STORY, "How do I mend it? " * 30, ""])
def test_a_short_message_and_one_that_asks_or_tells_nothing_stay_whole(text: str) -> None:
    assert questions.told_and_asked(text) == ("", text)

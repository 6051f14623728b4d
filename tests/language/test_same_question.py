"""When two questions are the same."""

from __future__ import annotations

import pytest

from chatbot.language.same_question import wording

SAME_TEXT = [
    ("What is a kettle?", "  what is  a KETTLE "),
    ("What is a kettle?", "What is a kettle??"),
    ("How can i reset it ?", "How can I reset it?"),
]
SAME_WORDS = [
    ("What is a kettle?", "what's the kettle"),
    ("Can you tell me how long it takes?", "How long it takes, please"),
    ("Hi, how do I verify the top-up?", "How do I verify a top-up? Thanks!"),
    ("What does “vLLM” do?", "What does vLLM do"),
]
SAME_CONTENT = [
    ("How can I order a card?", "How do I order the card?"),
    ("Why isn't it working?", "Why is it not working?"),
]
DIFFERENT = [
    ("How do I fly from Paris to Rome?", "How do I fly from Rome to Paris?"),
    ("Fly from A to B", "Fly from B to A"),
    ("Who does the manager report to?", "Who reports to the manager?"),
    ("Is it supported?", "Is it not supported?"),
    ("Can it be undone?", "Can't it be undone?"),
    ("It works with a key", "It works without a key"),
    ("Is 1.5 GB enough?", "Is 15 GB enough?"),
    ("What changed in 2019?", "What changed in 2020?"),
    ("What is -5 degrees?", "What is 5 degrees?"),
    ("What is C++?", "What is C#?"),
    ("What is C++?", "What is C?"),
    ("When was it built?", "Where was it built?"),
    ("What happens before the start?", "What happens after the start?"),
    ("Is it on?", "Is it off?"),
    ("Must I pay?", "May I pay?"),
    ("What is vitamin A deficiency?", "What is vitamin deficiency?"),
    ("what is vitamin a deficiency", "what is vitamin deficiency"),
    ("What is plan A?", "What is plan B?"),
    ("What was World War I?", "What was World War?"),
    ("More than ten", "Less than ten"),
    ("Do all of them work?", "Do any of them work?"),
]


@pytest.mark.parametrize(("one", "other"), SAME_TEXT)
def test_same_text(one: str, other: str) -> None:
    assert wording(one) == wording(other)


@pytest.mark.parametrize(("one", "other"), SAME_WORDS)
def test_same_words(one: str, other: str) -> None:
    assert wording(one).text != wording(other).text
    assert wording(one).words == wording(other).words
    assert wording(one).content == wording(other).content


@pytest.mark.parametrize(("one", "other"), SAME_CONTENT)
def test_same_content(one: str, other: str) -> None:
    assert wording(one).words != wording(other).words
    assert wording(one).content == wording(other).content


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_questions_have_nothing_in_common(one: str, other: str) -> None:
    assert not any(left == right for left, right in zip(wording(one), wording(other), strict=True))


@pytest.mark.parametrize(("one", "other"), [("What does a kettle do?", "What is a kettle?"), ("Did it stop?", "Does it stop?")])
def test_what_content_words_cannot_tell_apart_all_words_can(one: str, other: str) -> None:
    assert wording(one).words != wording(other).words


@pytest.mark.parametrize("text", ["", "???", "please", "the", "tell me", "a b"])
def test_a_text_without_content_is_still_itself(text: str) -> None:
    assert wording(text) == wording(text)
    assert wording(text).words != wording("something else").words

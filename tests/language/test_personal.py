"""What may be personal."""

from __future__ import annotations

import pytest

from chatbot.language.personal import may_be_personal


@pytest.mark.parametrize(
    "text",
    [
        "Why was my card declined?",
        "What do our contracts say?",
        "I'm 43, may I apply?",
        "I have diabetes, what may I eat?",
        "Did anna@example.org sign?",
        "Whose number is +49 (30) 901820-0?",
        "call 555-0100-22",
        "Is 4111 1111 1111 1111 blocked?",
        "Is DE89 3704 0044 0532 0130 00 ours?",
        "Status of order AB12345678",
        "born 12.03.1985, which form?",
        "Where does Dr. Brown work?",
    ],
)
def test_what_may_be_about_a_person(text: str) -> None:
    assert may_be_personal(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is nucleus sampling?",
        "How do I reset a password?",
        "Can you tell me what changed in 2019?",
        "How much memory does Qwen2.5-7B-Instruct need at 16 bits?",
        "What is the default of top_k?",
        "Which formats are read, and how many MB may a file have: 10, 50 or 100?",
    ],
)
def test_what_is_about_nobody(text: str) -> None:
    assert not may_be_personal(text)

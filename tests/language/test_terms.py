"""One idea of a term for searching and for picking sentences."""

from __future__ import annotations

import pytest

from chatbot.language.terms import STOP_WORDS, terms, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Attention", "attention"),
        ("café", "cafe"),
        ("models", "model"),
        ("training", "trained"),
        ("the model's weights", "model weight"),
        ("the models’ weights", "models weights"),
        ("O'Brien's", "OBrien"),
        ("summarise", "summarize"),
        ("ﬁne-tuning", "fine tuning"),
    ],
)
def test_two_ways_to_write_a_thing_are_one_term(one: str, other: str) -> None:
    assert terms(one) == terms(other) != []


@pytest.mark.parametrize(
    "text",
    [
        "what is the",
        "Don't they know what we'll do?",
        "It isn't I who'd be; we’re here, they've!",
        "I can't, he won't, she shouldn't, you're it's i'm",
        "",
        "?!, ...",
    ],
)
def test_words_that_say_nothing_leave_no_terms(text: str) -> None:
    assert terms(text) == []


def test_terms_keep_their_order_and_repetitions() -> None:
    assert terms("cats chase dogs and dogs chase cats") == ["cat", "chase", "dog", "dog", "chase", "cat"]


def test_numbers_are_terms() -> None:
    assert terms("GPT-3 has 175 billion parameters") == ["gpt", "3", "175", "billion", "paramet"]


def test_words_of_other_scripts_are_kept() -> None:
    assert words("Договор 契約 α") == ["договор", "契約", "α"]


def test_no_stop_word_is_two_words() -> None:
    assert all(words(word) == [word] for word in STOP_WORDS)

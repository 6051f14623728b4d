"""condense: a follow-up is searched in three wordings."""

from __future__ import annotations

from chatbot.flow.condense import search_forms
from chatbot.schema import Message, Query


def _turn(role: str, content: str) -> Message:
    return Message(role=role, content=content)  # pyright: ignore[reportArgumentType]


def test_a_first_question_is_searched_as_typed() -> None:
    (form,) = search_forms(Query(text="What is nucleus sampling?"))

    assert (form.text, form.weight) == ("What is nucleus sampling?", 1.0)


def test_a_follow_up_is_also_searched_behind_the_previous_question_and_answer_at_half_weight() -> None:
    history = (_turn("user", "What is top-k?"), _turn("assistant", "It keeps k tokens."))

    forms = search_forms(Query(text="And top-p?", history=history))

    assert [(form.text, form.weight) for form in forms] == [
        ("And top-p?", 1.0),
        ("What is top-k? And top-p?", 0.5),
        ("It keeps k tokens. And top-p?", 0.5),
    ]


def test_a_question_that_stands_alone_is_searched_as_typed_whatever_was_said_before() -> None:
    history = (_turn("user", "What is top-k?"), _turn("assistant", "It keeps k tokens."))

    assert [form.text for form in search_forms(Query(text="How large is BERT base?", history=history))] == [
        "How large is BERT base?"
    ]


def test_only_the_latest_turn_of_each_role_counts() -> None:
    history = (_turn("user", "old"), _turn("assistant", "ancient"), _turn("user", "new"), _turn("assistant", "recent"))

    texts = [form.text for form in search_forms(Query(text="why?", history=history))]

    assert texts == ["why?", "new why?", "recent why?"]


def test_an_earlier_turn_contributes_its_first_sixty_words_only() -> None:
    long = " ".join(f"w{number}" for number in range(100))

    _, form = search_forms(Query(text="why?", history=(_turn("assistant", long),)))

    assert form.text.split() == [*(f"w{number}" for number in range(60)), "why?"]


def test_a_system_message_is_not_searched_for() -> None:
    assert len(search_forms(Query(text="why?", history=(_turn("system", "Be brief."),)))) == 1


def test_one_word_without_end_is_cut() -> None:
    forms = search_forms(Query(text="And why?", history=(_turn("user", "a" * 100_000),)))

    assert len(forms) == 2
    assert max(len(form.text) for form in forms) < 1000

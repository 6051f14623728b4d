import pytest

from chatbot.language.follow_ups import leans_on_history


@pytest.mark.parametrize(
    "question", ["and on Windows?", "why is it used?", "why?", "what about temperature", "how do those differ"]
)
def test_a_follow_up_leans_on_history(question: str) -> None:
    assert leans_on_history(question)


@pytest.mark.parametrize("question", ["how do I bake bread", "What is BLEU?", "who won the world cup", "android phones"])
def test_a_change_of_subject_stands_alone(question: str) -> None:
    assert not leans_on_history(question)

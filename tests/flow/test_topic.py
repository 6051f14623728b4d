"""topic: a question that needs the conversation is told from one that begins something else."""

from __future__ import annotations

import pytest

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.flow.topic import continuation

KETTLES = ("Which kettle is blue?", "The old kettle is blue, and holds two litres.")


@pytest.mark.parametrize(
    ("question", "best_cosine"),
    [("And how much does it hold?", 0.3), ("The old one?", 0.3), ("why?", 0.2), ("Does the kettle whistle?", 0.5)],
)
def test_a_question_that_leans_on_what_was_said_goes_on(encoder: BiEncoder, question: str, best_cosine: float) -> None:
    assert continuation(question, KETTLES, best_cosine, encoder.encode_query) > 0.5


@pytest.mark.parametrize("question", ["When was the battle of Hastings fought?", "Summarize the tax rules for foreign companies"])
def test_a_question_about_something_else_that_finds_it_does_not(encoder: BiEncoder, question: str) -> None:
    assert continuation(question, KETTLES, 0.7, encoder.encode_query) < 0.15


def test_the_same_question_leans_the_more_the_less_it_finds(encoder: BiEncoder) -> None:
    found, lost = (continuation("Data isolation", KETTLES, cosine, encoder.encode_query) for cosine in (0.8, 0.1))

    assert lost > found + 0.3


def test_a_first_question_goes_on_with_nothing(encoder: BiEncoder) -> None:
    assert continuation("And why?", (), 0.1, encoder.encode_query) == 0.0

"""vocabulary: an encoder knows the languages its vocabulary was made from, and no other."""

from __future__ import annotations

import pytest

from chatbot.encoders.bi_encoder import BiEncoder


@pytest.mark.parametrize(
    "question",
    [
        "How do I use PostgreSQL with Chroma?",
        "Taxation data cannot be used to ascertain incidence.",
        "GPU?",
        "KV cache",
        "vLLM",
        "",
    ],
)
def test_english_and_what_is_too_short_to_tell_is_trusted(encoder: BiEncoder, question: str) -> None:
    assert encoder.trust(question) == 1.0


@pytest.mark.parametrize(
    "question", ["Welche Proklamation beseitigte den Protestantismus?", "¿Qué país ganó la guerra de los siete años?"]
)
def test_a_language_of_the_same_script_is_trusted_a_little(encoder: BiEncoder, question: str) -> None:
    assert 0.2 < encoder.trust(question) < 1


@pytest.mark.parametrize(
    "question", ["какие законы были приняты", "什么是注意力机制？", "ما هو القانون الجديد؟", "ภาษาไทยเขียนอย่างไร"]
)
def test_a_script_that_is_spelt_letter_by_letter_is_not_trusted(encoder: BiEncoder, question: str) -> None:
    assert encoder.trust(question) == 0.0

"""What every bi-encoder owes: unit vectors, the same for a text however it is asked for, in the order given."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from chatbot.encoders.bi_encoder import BiEncoder

TEXTS = [
    "Cats purr.",
    "",
    "The boiler needs seven bar of pressure, says the manual of the house. " * 40,
    "Ein größerer Satz 🙂 契約",
    "Cats purr.",
    *[f"Machine {number} needs {number * 7} litres of oil." for number in range(40)],
]


@pytest.fixture(params=["encoder", "tiny_encoder"])
def any_encoder(request: pytest.FixtureRequest) -> BiEncoder:
    return request.getfixturevalue(request.param)


def test_vectors_are_of_unit_length_and_of_the_promised_width(any_encoder: BiEncoder) -> None:
    vectors = any_encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), any_encoder.card.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_vectors_come_in_the_order_of_the_texts(any_encoder: BiEncoder) -> None:
    forwards, backwards = any_encoder.encode(TEXTS), any_encoder.encode(TEXTS[::-1])[::-1]
    assert (forwards * backwards).sum(axis=1) == pytest.approx(1, abs=2e-3)


def test_a_text_has_one_vector_however_it_is_asked_for(any_encoder: BiEncoder) -> None:
    many, short = any_encoder.encode(TEXTS), any_encoder.encode_short(TEXTS)
    alone = np.stack([any_encoder.encode_query(text) for text in TEXTS])
    assert (many * short).sum(axis=1) == pytest.approx(1, abs=2e-3)
    assert (many * alone).sum(axis=1) == pytest.approx(1, abs=2e-3)


def test_equal_texts_have_equal_vectors(any_encoder: BiEncoder) -> None:
    vectors = any_encoder.encode_short(TEXTS)
    assert float(vectors[0] @ vectors[4]) == pytest.approx(1, abs=2e-3)


def test_no_texts_give_no_vectors(any_encoder: BiEncoder) -> None:
    assert any_encoder.encode([]).shape == any_encoder.encode_short([]).shape == (0, any_encoder.card.dimension)


def test_threads_do_not_disturb_each_other(any_encoder: BiEncoder) -> None:
    questions = [f"What does machine {number} need?" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        vectors = np.stack(list(pool.map(any_encoder.encode_query, questions)))
    assert (vectors * any_encoder.encode_short(questions)).sum(axis=1) == pytest.approx(1, abs=2e-3)


def test_a_remembered_vector_cannot_be_changed(any_encoder: BiEncoder) -> None:
    with pytest.raises(ValueError, match="read-only"):
        any_encoder.encode_query("Cats purr.")[0] = 1


def test_langchain_sees_the_same_vectors(any_encoder: BiEncoder) -> None:
    assert any_encoder.embed_query("Cats purr.") == any_encoder.encode_query("Cats purr.").tolist()
    assert np.allclose(any_encoder.embed_documents(TEXTS[:2]), any_encoder.encode(TEXTS[:2]), atol=1e-2)

"""The exact scan over the catalogue's vectors, where the catalogue itself was damaged."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.encoders import Vectors
from chatbot.knowledge.indexes.exact import ExactIndex
from chatbot.knowledge.store.tables import StoredVector

SOUND = np.eye(8, dtype=np.float32)


def with_a_lost_bit(vector: Vectors, bit: int) -> Vectors:
    bits = vector.view(np.uint32).copy()
    bits[0] ^= np.uint32(1 << bit)
    return bits.view(np.float32)


def scanned(vectors: list[Vectors]) -> ExactIndex:
    index = ExactIndex()
    index.load([StoredVector(str(number), "halls", "public", vector.tobytes()) for number, vector in enumerate(vectors)])
    return index


def test_a_vector_finds_itself() -> None:
    found = scanned(list(SOUND)).search(SOUND[3], 1, (), ("public",))
    assert found == {"3": pytest.approx(1)}


@pytest.mark.parametrize(("value", "bit"), [(0.5, 30), (0.5, 29), (1.0, 30)])
def test_a_vector_that_a_lost_bit_made_long_hides_no_other(value: float, bit: int) -> None:
    whole = np.full(8, np.sqrt((1 - value**2) / 7), np.float32)
    whole[0] = value
    damaged = with_a_lost_bit(whole, bit)
    index = scanned([damaged, *SOUND[1:]])
    for number in range(1, 8):
        question = SOUND[number] + 0.1 * SOUND[0]
        assert next(iter(index.search(question, 1, (), ("public",)))) == str(number)
    assert index.ids() == {str(number) for number in range(1, 8)}, "what the disk lost is not searched"

"""widen: what stands around the best passages in their sections, in a budget, each chunk as it is."""

from __future__ import annotations

from collections.abc import Sequence

from fakes import passage

from chatbot.flow.widen import widen
from chatbot.schema import Passage


def _document(id_: str, first: int, **sections: str) -> list[Passage]:
    """Chunks of 40 characters, which are 10 tokens, with ids from `first`."""
    words = [(heading.rstrip("_"), word) for heading, said in sections.items() for word in said.split()]
    return [
        passage(word.ljust(40), first + place, document_id=id_, heading_path=(heading,), start=place * 50)
        for place, (heading, word) in enumerate(words)
    ]


KETTLE = _document("kettle", 10, use="fill boil pour rinse dry")
POT = _document("pot", 20, making="clay fire cool")
LID = _document("lid", 30, shape="round", care="soap cloth", shape_="blue")
STORE = {"kettle": KETTLE, "pot": POT, "lid": LID}


def _near(found: Passage, characters: int) -> list[Passage]:
    """As a store does: by place alone, whatever the section."""
    low, high = found.chunk.start - characters, found.chunk.end + characters
    return [each for each in STORE[found.chunk.document_id] if each.chunk.start < high and each.chunk.end > low]


def _widened(found: Sequence[Passage], tokens: int) -> list[str]:
    ranked = [each.model_copy(update={"rank": rank}) for rank, each in enumerate(found, 1)]
    wide = widen(ranked, tokens, _near)
    assert [each.rank for each in wide] == list(range(1, len(wide) + 1))
    return [each.chunk.text.strip() for each in wide]


def test_the_nearest_neighbours_of_the_best_come_first_behind_all_that_was_found() -> None:
    assert _widened([KETTLE[1], POT[0]], 1000) == ["boil", "clay", "pour", "fill", "rinse", "fire", "dry", "cool"]


def test_the_budget_is_for_all_neighbours_together() -> None:
    assert _widened([KETTLE[1], POT[0]], 29) == ["boil", "clay", "pour", "fill"]
    assert _widened([KETTLE[1], POT[0]], 9) == ["boil", "clay"]


def test_a_neighbour_that_was_found_itself_stays_where_it_is_and_costs_nothing() -> None:
    assert _widened([KETTLE[1], KETTLE[2]], 10) == ["boil", "pour", "fill"]


def test_a_section_ends_where_the_headings_change() -> None:
    assert _widened([LID[1]], 1000) == ["soap", "cloth"]
    assert _widened([LID[0]], 1000) == ["round"]


def test_a_passage_whose_document_was_replaced_meanwhile_has_no_neighbours() -> None:
    gone = KETTLE[1].model_copy(update={"chunk": KETTLE[1].chunk.model_copy(update={"id": "chunk-99"})})

    assert _widened([gone], 1000) == ["boil"]

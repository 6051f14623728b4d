"""disagree: values that sources contradict each other in are shown side by side, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from fakes import ScriptedEngine, passage, scripted_pipeline

from chatbot.flow.disagree import Note, disagree, disagreeing, noted
from chatbot.knowledge.sources.roots import shipped
from chatbot.prompts import load
from chatbot.schema import Delta, FinishReason, Passage, Query, Stop

FEE = "What is the fee for a late return?"


def _passages(*texts: str) -> list[Passage]:
    return [
        passage(text, rank, document_id=f"document-{rank}", start=rank * 1000).model_copy(update={"date": f"202{rank}-05-01"})
        for rank, text in enumerate(texts, 1)
    ]


def _values(question: str, *texts: str) -> list[str]:
    return [said for _, said in disagreeing(question, _passages(*texts)).sentences]


def test_two_amounts_for_the_same_thing_disagree_in_whatever_order_the_words_stand() -> None:
    old, new = "The fee for a late return is 25 euros.", "For a late return the fee is 30 euros."
    assert _values(FEE, old, "Books are lent for a month.", new) == [old, new]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (FEE, "The fee for a late return is 25 euros.", "The late return fee is 25 euros."),
        (FEE, "The fee for a late return is 1,000 euros.", "The fee for a late return is 1000 euros."),
        (
            FEE,
            "The fee for a late return is 25 euros.",
            "The fee for a lost card is 30 euros for a late return of keys in winter.",
        ),
        (FEE, "In Rome the fee for a late return is 25 euros.", "In Oslo the fee for a late return is 30 euros."),
        (FEE, "In 2019 the fee for a late return rose.", "In 2021 the fee for a late return rose."),
        (FEE, "In 2019 the late return fee was 25 euros.", "In 2021 the late return fee was 30 euros."),
        ("Is parking free?", "The fee for a late return is 25 euros.", "The fee for a late return is 30 euros."),
        ("When did the bridge open?", "The bridge opened on 3 May 1931.", "The bridge opened on May 3, 1931."),
        (
            "Where is the late return fee of the Rome office?",
            "The Rome office has a late fee.",
            "The Oslo office has a late fee.",
        ),
    ],
    ids=[
        "same",
        "spelt otherwise",
        "other things",
        "other places",
        "other years",
        "each its year",
        "not asked",
        "one date",
        "named",
    ],
)
def test_what_differs_otherwise_is_no_disagreement(question: str, one: str, other: str) -> None:
    assert _values(question, one, other) == []


def test_a_date_is_one_value_and_disagrees_where_a_time_was_asked() -> None:
    one, other = "The bridge was opened on 3 May 1931.", "The bridge was opened on June 4, 1932."
    assert _values("When was the bridge opened?", one, other) == [one, other]
    assert _values("Was the bridge opened?", one, other) == []


def test_a_name_in_the_place_of_another_disagrees_where_all_else_is_the_same() -> None:
    one, other = "The chief engineer of the bridge was Adams.", "The chief engineer of the bridge was Miller Brown."
    assert _values("Who was chief engineer of the bridge?", one, other) == [one, other]
    assert _values("Was Adams the chief engineer of the bridge?", one, other) == []


def test_a_source_does_not_disagree_with_itself() -> None:
    twice = [passage(f"The fee for a late return is {n} euros.", n, document_id="one") for n in (1, 2)]
    assert disagreeing(FEE, twice) == ([], frozenset())


def test_a_third_source_joins() -> None:
    fees = [f"The fee for a late return is {euros} euros." for euros in (25, 30, 35)]
    assert _values(FEE, *fees) == fees


def test_the_note_names_the_newest_first_and_cites_each() -> None:
    note = noted(
        FEE,
        _passages("The fee for a late return is 25 euros.", "The fee for a late return is 30 euros."),
        load([shipped("prompts")]),
    )
    assert note.values == {"25", "30"}
    assert note.text == (
        "The sources give different values:\n\n"
        "- “Title 2” (2022-05-01): The fee for a late return is 30 euros. [2]\n"
        "- “Title 1” (2021-05-01): The fee for a late return is 25 euros. [1]"
    )


@pytest.mark.parametrize(("reason", "expected"), [("stop", "25.\n\nNote."), ("abstained", "25."), ("length", "25.")])
def test_only_an_answer_that_came_to_its_end_gets_the_note(reason: FinishReason, expected: str) -> None:
    async def words() -> AsyncGenerator[Delta | Stop]:
        yield Delta(text="25.")
        yield Stop(finish_reason=reason)

    async def said() -> str:
        async with aclosing(disagree(words(), Note("Note.", frozenset({"25", "30"})))) as items:
            return "".join([item.text async for item in items if isinstance(item, Delta)])

    assert asyncio.run(said()) == expected


@pytest.mark.parametrize(
    ("said", "is_noted"),
    [
        ("It is 25 euros [1].", True),
        ("It is €30.", True),
        ("Keys cost 7 [25].", False),
        ("It opened on May 3, 1931.", True),
        ("It was Adams.", True),
    ],
    ids=["value", "with its sign", "marker", "date", "name"],
)
def test_an_answer_to_something_else_gets_no_note(said: str, is_noted: bool) -> None:
    async def words() -> AsyncGenerator[Delta | Stop]:
        yield Delta(text=said[:4])
        yield Delta(text=said[4:])
        yield Stop()

    async def whole() -> str:
        values = frozenset({"25", "30", "1931 3 may", "adams"})
        async with aclosing(disagree(words(), Note("Note.", values))) as items:
            return "".join([item.text async for item in items if isinstance(item, Delta)])

    assert asyncio.run(whole()).endswith("Note.") == is_noted


def test_an_answer_shows_both_values_and_cites_them() -> None:
    found = _passages("The fee for a late return is 25 euros.", "For a late return the fee is 30 euros.")
    pipeline = scripted_pipeline(ScriptedEngine(pieces=["It is 25 euros [1]."]), found)
    answer = asyncio.run(pipeline.complete(Query(text=FEE)))
    assert "“Title 2” (2022-05-01): For a late return the fee is 30 euros. [" in answer.text
    assert {citation.date for citation in answer.citations} == {"2021-05-01", "2022-05-01"}
    assert answer.status == "answered"

"""clarify: asks which of several things is meant, and only where it is not clear."""

from __future__ import annotations

import pytest
from fakes import ScriptedEngine, passage, scripted_pipeline

from chatbot.flow.clarify import choices
from chatbot.schema import Message, Query

CANADA = passage("The Prime Minister leads the cabinet.", 1, title="Prime Minister of Canada")
KINGDOM = passage("The Prime Minister leads the government.", 2, title="Prime Minister of the United Kingdom")
KETTLE = passage("The kettle holds four litres.", 1, dense=0.3, title="Kettles")
TOASTER = passage("The toaster takes two slices.", 2, dense=0.3, title="Toasters")
BOTH = ["Prime Minister of Canada", "Prime Minister of the United Kingdom"]


def _asked(text: str, *before: str) -> Query:
    return Query(text=text, history=tuple(Message(role="user", content=each) for each in before))


def test_a_name_that_several_things_share_is_asked_about() -> None:
    assert choices(_asked("What does the Prime Minister lead?"), [CANADA, KINGDOM], True) == BOTH


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("What does the Prime Minister of Canada lead?", ()),
        ("What does the Prime Minister lead?", ("Who governs the United Kingdom?",)),
        ("Who leads the cabinet?", ()),
    ],
)
def test_what_tells_them_apart_may_have_been_said_and_other_questions_are_answered(text: str, before: tuple[str, ...]) -> None:
    assert choices(_asked(text, *before), [CANADA, KINGDOM], True) == []


def test_a_thing_that_is_much_less_near_was_not_meant() -> None:
    far = KINGDOM.model_copy(update={"dense": 0.5})

    assert choices(_asked("What does the Prime Minister lead?"), [CANADA, far], True) == []


@pytest.mark.parametrize("text", ["How much does it hold?", "capacity", "What does this appliance hold?", "and in summer?"])
def test_before_a_question_that_names_nothing_is_refused_it_is_asked_about(text: str) -> None:
    assert choices(_asked(text), [KETTLE, TOASTER], False) == ["Kettles", "Toasters"]


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("Who won the football world cup in 1974?", ()),
        ("Is that so this week?", ("What does a kettle hold?",)),
    ],
)
def test_what_is_clear_and_not_in_the_documents_is_refused(text: str, before: tuple[str, ...]) -> None:
    assert choices(_asked(text, *before), [KETTLE, TOASTER], False) == []


def test_a_vague_question_with_a_good_answer_is_answered() -> None:
    assert choices(_asked("How much does it hold?"), [KETTLE, TOASTER], True) == []


def test_what_is_far_from_everything_is_offered_nothing() -> None:
    far = [each.model_copy(update={"dense": 0.2}) for each in (KETTLE, TOASTER)]

    assert choices(_asked("???"), far, False) == []


def test_there_is_nothing_to_choose_from_in_one_thing() -> None:
    assert choices(_asked("capacity"), [KETTLE], False) == []
    assert choices(_asked("capacity"), [], False) == []


def test_the_sections_are_offered_where_all_is_from_one_document() -> None:
    indoors, outdoors = (
        passage("Words.", rank, dense=0.3, title="Kettles", heading_path=("Use", name))
        for rank, name in ((1, "Indoors"), (2, "Outdoors"))
    )

    assert choices(_asked("capacity"), [indoors, outdoors], False) == ["Indoors", "Outdoors"]


async def test_the_answer_asks_back_and_cites_nothing() -> None:
    answer = await scripted_pipeline(ScriptedEngine(), [CANADA, KINGDOM]).complete(_asked("What does the Prime Minister lead?"))

    assert answer.status == "clarify"
    assert all(name in answer.text for name in BOTH)
    assert answer.citations == ()
    assert len(answer.passages) == 2

"""condense: a follow-up is searched in three wordings, and in a fourth where an engine can write one."""

from __future__ import annotations

import asyncio

import pytest
from fakes import ScriptedEngine

from chatbot import prompts
from chatbot.bootstrap import shipped
from chatbot.engines.parts import Engine
from chatbot.errors import EngineUnreachable
from chatbot.flow import condense as stage
from chatbot.flow.condense import condense, search_forms
from chatbot.schema import Message, Query

PROMPTS = prompts.load([shipped("prompts")])
FOLLOW_UP = Query(
    text="How much does it hold?",
    history=(Message(role="user", content="Which kettle is blue?"), Message(role="assistant", content="The old one [1].")),
)


def _turn(role: str, content: str) -> Message:
    return Message(role=role, content=content)  # pyright: ignore[reportArgumentType]


def test_a_first_question_is_searched_as_typed() -> None:
    (form,) = search_forms(Query(text="What is nucleus sampling?"))

    assert (form.text, form.weight) == ("What is nucleus sampling?", 1.0)


def test_a_follow_up_is_also_searched_behind_the_previous_question_and_answer() -> None:
    history = (_turn("user", "What is top-k?"), _turn("assistant", "It keeps k tokens."))

    forms = search_forms(Query(text="And top-p?", history=history))

    said = ("What is top-k?", "It keeps k tokens.")
    assert [(form.text, form.is_behind) for form in forms] == [
        ("And top-p?", ()),
        ("What is top-k? And top-p?", said),
        ("It keeps k tokens. And top-p?", said),
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


async def _texts(engine: Engine, query: Query = FOLLOW_UP) -> list[str]:
    return [form.text for form in await condense(query, engine, PROMPTS)]


FREE = [form.text for form in search_forms(FOLLOW_UP)]
USELESS: list[list[str | Exception]] = [
    [],
    ["   \n"],
    ["Bananas are yellow."],
    ["kettle " * 100],
    [EngineUnreachable("nobody there")],
    ["How", EngineUnreachable("gone")],
]


async def test_an_engine_that_writes_puts_its_wording_in_front() -> None:
    engine = _writer("\nHow much does the old ", "blue kettle hold?\nIt holds")

    assert await _texts(Engine(engine)) == ["How much does the old blue kettle hold?", *FREE]

    prompt = engine.messages[0][-1].text
    assert "user: Which kettle is blue?" in prompt
    assert "assistant: The old one." in prompt
    assert prompt.endswith("Last question: How much does it hold?")


@pytest.mark.parametrize("pieces", USELESS)
async def test_a_wording_that_is_of_no_use_is_not_used(pieces: list[str | Exception]) -> None:
    assert await _texts(Engine(_writer(*pieces))) == FREE


async def test_a_model_that_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "REWRITE_S", 0.05)
    engine = _writer("kettle", endless=True)

    assert await _texts(Engine(engine)) == FREE
    assert await asyncio.to_thread(engine.closed.wait, 2)


async def test_neither_an_engine_that_quotes_nor_a_question_that_stands_alone_is_rewritten() -> None:
    engine = _writer("kettle")

    assert await _texts(Engine(engine, writes=False)) == FREE
    alone = Query(text="What is a kettle?", history=FOLLOW_UP.history)
    assert await _texts(Engine(engine), alone) == [form.text for form in search_forms(alone)]
    assert not engine.messages


def _writer(*pieces: str | Exception, endless: bool = False) -> ScriptedEngine:
    return ScriptedEngine(pieces=pieces, needs_documents=False, endless=endless)

"""generate: deltas, then exactly one stop, whatever engine speaks."""

from __future__ import annotations

import asyncio

import pytest
from fakes import ScriptedEngine
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from chatbot.errors import InternalError
from chatbot.flow.compose import EngineRequest
from chatbot.flow.generate import generate
from chatbot.schema import Delta, Message, Stop, Usage

REQUEST = EngineRequest(
    messages=(
        Message(role="system", content="s"),
        Message(role="user", content="u"),
        Message(role="assistant", content="a"),
        Message(role="user", content="q"),
    ),
    documents=({"title": "T", "text": "words"},),
)


async def test_pieces_become_deltas_and_one_stop_ends_them() -> None:
    items = [item async for item in generate(ScriptedEngine(pieces=["a", "b ", "c"]), REQUEST)]

    assert items == [
        Delta(text="a"),
        Delta(text="b "),
        Delta(text="c"),
        Stop(usage=Usage(prompt_tokens=7, completion_tokens=5), finish_reason="stop", model="scripted-1"),
    ]


async def test_empty_pieces_are_not_passed_on() -> None:
    items = [item async for item in generate(ScriptedEngine(pieces=["", "a", ""]), REQUEST)]

    assert [item.text for item in items if isinstance(item, Delta)] == ["a"]


async def test_the_engine_is_given_every_message_in_its_role_and_the_documents_beside_them() -> None:
    engine = ScriptedEngine()

    _ = [item async for item in generate(engine, REQUEST)]

    (messages,) = engine.messages
    assert [type(message) for message in messages] == [SystemMessage, HumanMessage, AIMessage, HumanMessage]
    assert engine.documents == [[{"title": "T", "text": "words"}]]


async def test_the_finish_reason_is_the_engines() -> None:
    *_, stop = [item async for item in generate(ScriptedEngine(finish_reason="length"), REQUEST)]

    assert isinstance(stop, Stop)
    assert stop.finish_reason == "length"


async def test_closing_it_closes_the_engines_stream() -> None:
    engine = ScriptedEngine(pieces=["word "], endless=True)
    stream = generate(engine, REQUEST)
    await anext(stream)

    await stream.aclose()
    await asyncio.sleep(0)

    assert engine.closed.is_set()


async def test_an_engines_error_comes_through() -> None:
    with pytest.raises(InternalError, match="out of memory"):
        _ = [item async for item in generate(ScriptedEngine(pieces=["a", InternalError("out of memory")]), REQUEST)]

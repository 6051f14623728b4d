"""generate: deltas, then exactly one stop, whatever engine speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fakes import ScriptedEngine
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk

from chatbot.errors import InternalError
from chatbot.flow.compose import EngineDocument, EngineRequest
from chatbot.flow.generate import generate
from chatbot.schema import Delta, Message, Stop, Usage

DOCUMENT = EngineDocument(source="d", title="T", section="S", text="words", start=3)
REQUEST = EngineRequest(
    messages=(
        Message(role="system", content="s"),
        Message(role="user", content="u"),
        Message(role="assistant", content="a"),
        Message(role="user", content="q"),
    ),
    documents=(DOCUMENT,),
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
    assert engine.documents == [[{"source": "d", "title": "T", "section": "S", "text": "words", "start": 3}]]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("content_filter", "stop"),
        (None, "stop"),
        (7, "stop"),
    ],
)
async def test_whatever_a_vendor_calls_the_finish_reason_the_answer_is_kept(said: object, reason: str) -> None:
    engine = _FakeEngine([AIMessageChunk("a", response_metadata={"finish_reason": said}), AIMessageChunk("")])

    *_, stop = [item async for item in generate(engine, REQUEST)]

    assert isinstance(stop, Stop)
    assert stop.finish_reason == reason


async def test_counts_that_come_in_parts_are_added() -> None:
    counts = [{"input_tokens": 10, "output_tokens": 0}, {"input_tokens": 0, "output_tokens": 7}]
    engine = _FakeEngine([AIMessageChunk("a", usage_metadata={**each, "total_tokens": 0}) for each in counts])

    *_, stop = [item async for item in generate(engine, REQUEST)]

    assert isinstance(stop, Stop)
    assert stop.usage == Usage(prompt_tokens=10, completion_tokens=7)


class _FakeEngine(ScriptedEngine):
    """Streams chunks as another package's engine makes them."""

    def __init__(self, chunks: list[AIMessageChunk]) -> None:
        super().__init__()
        self._chunks = chunks

    def _script(self, messages: object, kwargs: object) -> Iterator[ChatGenerationChunk]:
        return (ChatGenerationChunk(message=chunk) for chunk in self._chunks)


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

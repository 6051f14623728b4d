"""What models and documents say must not steer a terminal."""

from __future__ import annotations

import pytest
from fakes import FakeRetriever, ScriptedEngine, passage, scripted_pipeline

from chatbot.apps import terminal
from chatbot.apps.controls import harmless
from chatbot.engines.parts import Engine
from chatbot.schema import DeltaReleased, Query


def test_line_feeds_and_tabs_alone_are_kept_of_controls() -> None:
    steering = "a\x1b[2J\x1b]0;title\x07b\r\x9b31m\x7f\x00\u202ec\n\td"

    said = harmless(steering)

    assert said.endswith("c\n\td")
    assert all(character.isprintable() or character in "\n\t" for character in said)


async def test_an_answer_and_its_sources_are_printed_without_controls(capsys: pytest.CaptureFixture[str]) -> None:
    found = passage("The \x1b[31mkettle holds four litres.", 1)
    found = found.model_copy(update={"title": "Ket\x1b]0;tle\x07"})
    engine = ScriptedEngine(pieces=("It holds \x1b[2Jfour litres. [1]",), needs_documents=False)
    answer = await scripted_pipeline(Engine(engine), retrieve=FakeRetriever([found])).complete(Query(text="How much?"))

    terminal.answer(answer, as_json=False)
    terminal.event(DeltaReleased(text="\x1b[2J"), as_json=False)
    terminal.passages([found], as_json=False)

    printed = capsys.readouterr().out
    assert "four litres" in printed
    assert "\x1b" not in printed
    assert "\x07" not in printed

"""Long texts: everything is read, nothing is cut off, and what cannot fit says so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from task_doubles import WordWindow, WritingEngine, events_of, result_of, tasks_over

from chatbot.bootstrap import Application
from chatbot.engines.parts import Engine
from chatbot.errors import EngineBroke, PromptTooLong
from chatbot.tasks.events import TaskCompleted, TaskProgress
from chatbot.tasks.pieces import pieces
from chatbot.tasks.tasks import Tasks

DOCUMENT = "handbook/05-citations.md"


def _material(messages: Sequence[BaseMessage]) -> str:
    return messages[-1].text.partition("<material>\n")[2].rpartition("\n</material>")[0]


def _first_words(messages: Sequence[BaseMessage], _options: Mapping[str, Any]) -> str:
    return " ".join(_material(messages).split()[:10])


def _echo(messages: Sequence[BaseMessage], _options: Mapping[str, Any]) -> str:
    return _material(messages)


def _tasks(application: Application, engine: WritingEngine, tokens: int, answer: int = 100) -> Tasks:
    return tasks_over(application, Engine(engine, window=WordWindow(tokens, answer)))


async def test_a_document_that_does_not_fit_is_read_whole_part_by_part(application: Application) -> None:
    engine = WritingEngine(reply=_first_words)

    events = await events_of(_tasks(application, engine, 400), "summarize", document=DOCUMENT)

    *_, last = events
    assert isinstance(last, TaskCompleted)
    assert isinstance(last.result.data, dict)
    read = " ".join(_material(messages) for messages in engine.messages[: last.result.data["parts"]])
    (document,) = application.catalogue.documents(DOCUMENT)
    whole = " ".join(chunk.text for chunk in application.catalogue.chunks_of(document.id))
    assert sorted(set(whole.split()) - set(read.split())) == []
    assert last.result.data["parts"] > 1
    progress = [event for event in events if isinstance(event, TaskProgress)]
    assert (progress[-1].done, progress[-1].total) == (progress[-1].total, progress[-1].total)


async def test_every_call_leaves_room_for_its_answer(application: Application) -> None:
    engine, window = WritingEngine(reply=_first_words), WordWindow(400, 100)
    await result_of(_tasks(application, engine, 400), "summarize", document=DOCUMENT)

    for messages, options in zip(engine.messages, engine.options, strict=True):
        assert await window.count(messages) + options["max_tokens"] <= 400


async def test_a_document_that_fits_is_read_in_one_call(application: Application) -> None:
    engine = WritingEngine(reply=_first_words)

    result = await result_of(_tasks(application, engine, 100_000), "summarize", document=DOCUMENT)

    assert (len(engine.messages), result.data) == (1, {"parts": 1, "rounds": 0, "sentences": []})


async def test_a_model_that_does_not_summarize_is_found_out(application: Application) -> None:
    with pytest.raises(EngineBroke, match="about as long as the parts"):
        await result_of(_tasks(application, WritingEngine(reply=_echo), 400), "summarize", document=DOCUMENT)


async def test_a_part_that_was_cut_is_never_silent(application: Application) -> None:
    engine = WritingEngine(reply=_first_words, finish_reason="length")

    assert (await result_of(_tasks(application, engine, 400), "summarize", document=DOCUMENT)).finish_reason == "length"


async def test_usage_is_that_of_all_calls(application: Application) -> None:
    engine = WritingEngine(reply=_first_words, usage=(7, 5))

    result = await result_of(_tasks(application, engine, 400), "summarize", document=DOCUMENT)

    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (7 * len(engine.messages), 5 * len(engine.messages))


async def test_a_translation_keeps_order_and_paragraphs(application: Application) -> None:
    text = "\n\n".join(f"Paragraph {n} says this. It says that too, number {n}." for n in range(40))
    engine = WritingEngine(reply=_echo)

    result = await result_of(_tasks(application, engine, 300, 60), "translate", text=text, language="Echo")

    assert len(engine.messages) > 5
    assert result.text == text


async def test_the_prompt_alone_may_be_too_much(application: Application) -> None:
    for name in ("summarize", "translate"):
        inputs = {"text": "word " * 500, **({"language": "French"} if name == "translate" else {})}
        with pytest.raises(PromptTooLong, match="larger one"):
            await result_of(_tasks(application, WritingEngine(), 60, 15), name, **inputs)


async def test_what_is_not_cut_says_both_numbers(application: Application) -> None:
    with pytest.raises(PromptTooLong, match=r"has [\d,]+ tokens .* room for 300 \(a context of 400 less 100"):
        await result_of(_tasks(application, WritingEngine(), 400), "sentiment", text="word " * 500)


async def test_a_chat_leaves_out_its_oldest_turns(application: Application) -> None:
    engine = WritingEngine()
    history = [{"role": role, "content": f"{n} " + "word " * 40} for n in range(6) for role in ("user", "assistant")]

    await result_of(_tasks(application, engine, 400), "chat", text="And now?", history=history)

    assert engine.messages[0][1].text.startswith("4 ")
    assert engine.messages[0][-1].text == "And now?"


# pieces


async def _at_most_20(piece: str) -> bool:
    return len(piece.strip()) <= 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Short.", ["Short."]),
        ("", []),
        ("One two three.\n\nFour five six.", ["One two three.\n\n", "Four five six."]),
        ("One is here. Two is there. Three.", ["One is here.", " Two is there. Three."]),
        ("one two three four five six seven", ["one two three four ", "five six seven"]),
        ("x" * 45, ["x" * 20, "x" * 20, "x" * 5]),
    ],
)
async def test_pieces_are_cut_at_the_best_place(text: str, expected: list[str]) -> None:
    assert await pieces(text, _at_most_20) == expected


async def test_sections_are_kept_whole_where_they_fit() -> None:
    assert await pieces("aa. bb. cc.|dd. ee. ff. gg.", _at_most_20, [12]) == ["aa. bb. cc.|", "dd. ee. ff. gg."]


async def test_pieces_join_to_the_text() -> None:
    text = re.sub(r"(?<=7)", "\n\n", "".join(f"Word {n}. " if n % 3 else f"{n} " for n in range(300)))

    assert "".join(await pieces(text, _at_most_20)) == text

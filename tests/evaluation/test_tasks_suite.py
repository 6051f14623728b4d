"""The suite `tasks` over scripted engines: figures only for what ran, and a schema that is not kept counts."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
from benches import bench
from langchain_core.messages import BaseMessage
from task_doubles import Reply, WritingEngine, answering, conforming, tasks_over

from chatbot.bootstrap import Application
from chatbot.engines.parts import Engine
from chatbot.evaluation.bench import NotRun, Session
from chatbot.evaluation.corpus import Corpora
from chatbot.evaluation.measurement import Measurement, row
from chatbot.evaluation.suites import tasks
from chatbot.tasks.events import TaskCard, TaskEvent
from chatbot.tasks.tasks import Tasks

STRUCTURED = {"sentiment", "classify", "extract", "entities", "quiz", "tutor"}
QUOTED = {"summarize"}


class _Session:
    def __init__(self, does: Tasks) -> None:
        self._does = does

    def tasks(self) -> list[TaskCard]:
        return self._does.cards()

    def run_task(self, name: str, inputs: Mapping[str, Any]) -> AsyncGenerator[TaskEvent]:
        return self._does.run(name, inputs)


class _Corpora:
    """Its store has nothing but an engine, which tells every token of a text the same probability, or none at all."""

    def __init__(self, probability: float | None) -> None:
        async def told(text: str) -> list[float]:
            return [math.log(probability or 1)] * len(text.split())

        model = WritingEngine(reply=conforming)
        self._store = SimpleNamespace(engine=Engine(model, log_probabilities=None if probability is None else told))

    def none(self) -> AbstractContextManager[Any]:
        return nullcontext(self._store)


def _run(does: Tasks, probability: float | None = 0.5) -> list[Measurement | NotRun]:
    session = cast(Session, _Session(does))
    given = bench(None)._replace(session=lambda: nullcontext(session), corpora=cast(Corpora, _Corpora(probability)))
    return [*tasks.run(given)]


def _figures(does: Tasks) -> dict[tuple[str, str, str | None], float]:
    rows = [row(each, "dev") for each in _run(does) if isinstance(each, Measurement)]
    return {(each.set, each.metric, each.baseline): each.value for each in rows}


def _writing(application: Application, reply: Reply) -> Tasks:
    return tasks_over(application, WritingEngine(reply=reply))


def test_an_engine_that_quotes_is_measured_on_summaries_and_the_rest_did_not_run(application: Application) -> None:
    found = _run(tasks_over(application, Engine(application.engine.model, writes=False)), probability=None)
    not_run = {each.set: each.reason for each in found if isinstance(each, NotRun)}

    assert not_run.keys() == STRUCTURED | {"chat", "complete", "translate", "write", "explain-code", "texts"}
    assert "no log-probabilities" in not_run.pop("texts")
    assert set(not_run.values()) == {"not measured here: the configured engine does not write"}
    assert {each.set for each in found if isinstance(each, Measurement)} == QUOTED


def test_perplexity_is_the_number_of_words_that_are_equally_likely(application: Application) -> None:
    assert _figures(_writing(application, conforming))["texts", "perplexity", None] == pytest.approx(2)


def test_every_task_but_the_flow_itself_has_cases(application: Application) -> None:
    assert {case["task"] for case in _cases()} == {card.name for card in _writing(application, conforming).cards()} - {"answer"}


def test_results_that_keep_to_their_schema_are_valid_and_still_not_right(application: Application) -> None:
    figures = _figures(_writing(application, conforming))

    assert {set_ for set_, metric, _ in figures if metric == "schema_validity"} == STRUCTURED
    assert all(value == 1 for (_, metric, _), value in figures.items() if metric == "schema_validity")
    assert figures["sentiment", "accuracy", None] < 1
    assert figures["chat", "answered", None] == 1


def test_results_that_break_their_schema_are_counted_and_not_fatal(application: Application) -> None:
    figures = _figures(_writing(application, answering({"reason": "so", "label": "negative"})))

    assert figures["sentiment", "schema_validity", None] == 1
    assert figures["sentiment", "accuracy", None] == 0.25
    assert figures["classify", "schema_validity", None] == figures["classify", "accuracy", None] == 0


def test_a_translation_is_compared_with_those_of_people_and_with_the_text_itself(application: Application) -> None:
    by_text = {case["inputs"]["text"]: case["references"][0] for case in _cases() if case["task"] == "translate"}

    def translate(messages: Sequence[BaseMessage], options: Mapping[str, Any]) -> str:
        asked = messages[-1].text
        return next((known for text, known in by_text.items() if text in asked), conforming(messages, options))

    figures = _figures(_writing(application, translate))

    assert figures["translate", "BLEU", None] == pytest.approx(1, abs=1e-3)
    assert figures["translate", "chrF", None] == pytest.approx(1, abs=1e-3)
    assert figures["translate", "BLEU", "not translated"] < 0.2
    assert 0 < figures["summarize", "ROUGE-L", "first two sentences"] < 1


def _cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in tasks.CASES.read_text(encoding="utf-8").splitlines()]

"""tasks: do structured results follow their schema, are the plainest cases right, and how near do texts come to people's?

The cases are few and easy: they tell a model that works from one that does not, and no more. The task `answer` has none, since
it is the flow that all other suites measure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chatbot import markers
from chatbot.engines import json_schema
from chatbot.engines.parts import Engine
from chatbot.errors import OutputInvalid, UserError
from chatbot.evaluation import wording
from chatbot.evaluation.bench import Bench, NotRun, Session, ask_all
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets.folder import lines
from chatbot.language import sentences
from chatbot.schema import Value
from chatbot.tasks.events import TaskCard, TaskResult, last_result

NAME = "tasks"
CASES = Path(__file__).parent.with_name("tasks.jsonl")
"""Small, and easy."""
_WORDED = MappingProxyType({"translate": ("BLEU", "chrF"), "summarize": ("ROUGE-L",)})
_LEAD = 2
"""Sentences at the beginning of a text that stand for it: what summaries are usually compared with."""


class Case(Value):
    """What a task is given, and what is known of a right result."""

    task: str
    inputs: dict[str, Any]
    expected: dict[str, Any] | None = None
    """Fields of structured data; none of them where only the schema is known."""
    references: tuple[str, ...] = ()
    """Texts by people."""


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """Each task with the configured engine; one that the engine cannot do did not run."""
    cases = [Case.model_validate(row) for row in lines(CASES)]
    with bench.session() as session:
        for card in session.tasks():
            own = bench.some({f"{card.name} {number}": case for number, case in enumerate(cases) if case.task == card.name})
            if not own:
                continue
            if not card.available:
                yield NotRun(NAME, card.name, "not measured here: the configured engine does not write")
                continue
            try:
                yield from _measured(session, card, own)
            except UserError as error:  # such as a document that the user's knowledge does not have
                yield NotRun(NAME, card.name, str(error))
    yield from _perplexity(bench, list(dict.fromkeys(str(case.inputs["text"]) for case in cases if "text" in case.inputs)))


def _perplexity(bench: Bench, texts: Sequence[str]) -> Iterator[Measurement | NotRun]:
    """Of the texts that the cases bring, which are ours and in no training set.

    Source: Jelinek et al., "Perplexity, a measure of the difficulty of speech recognition tasks" (1977). It compares models that
    cut words into the same tokens, and no others.
    """
    with bench.corpora.none() as store:
        engine = store.engine
        if engine.log_probabilities is None:
            yield NotRun(NAME, "texts", "perplexity not measured here: the configured engine tells no log-probabilities")
            return
        said = asyncio.run(_log_probabilities(engine, texts))
    items = {f"text {number}": (sum(each), float(len(each))) for number, each in enumerate(said) if each}
    yield Measurement(NAME, "texts", "perplexity", items)


async def _log_probabilities(engine: Engine, texts: Sequence[str]) -> list[list[float]]:
    assert engine.log_probabilities is not None
    async with engine.open():
        return [await engine.log_probabilities(text) for text in texts]


def _measured(session: Session, card: TaskCard, cases: Mapping[str, Case]) -> Iterator[Measurement]:
    results = ask_all(lambda id_: _result(session, card, cases[id_]), cases)
    structured = {id_: case.expected for id_, case in cases.items() if case.expected is not None}
    if structured:
        valid = {id_: (float(results[id_] is not None),) for id_ in structured}
        yield Measurement(NAME, card.name, "schema_validity", valid)
    if right := {id_: (float(_holds(results[id_], expected)),) for id_, expected in structured.items() if expected}:
        yield Measurement(NAME, card.name, "accuracy", right)
    if worded := {id_: case for id_, case in cases.items() if case.references}:
        yield from _worded(card.name, worded, {id_: _text(results[id_]) for id_ in worded})
    if plain := {id_: (float(bool(_text(results[id_]))),) for id_ in cases if id_ not in structured and id_ not in worded}:
        yield Measurement(NAME, card.name, "answered", plain)


async def _result(session: Session, card: TaskCard, case: Case) -> TaskResult | None:
    """None where what came does not follow the schema: the task's, or the one that the case asks for."""
    schema = case.inputs.get("schema", card.output)
    try:
        result = await last_result(session.run_task(card.name, case.inputs))
        if schema is not None:
            json_schema.check(schema, result.data)
    except OutputInvalid:
        return None
    return result


def _holds(result: TaskResult | None, expected: Mapping[str, Any]) -> bool:
    data = result.data if result else None
    return isinstance(data, dict) and all(data.get(name) == value for name, value in expected.items())


def _text(result: TaskResult | None) -> str:
    """Without markers; empty where it was cut off, since the rest of it is missing."""
    return markers.strip(result.text) if result and result.finish_reason == "stop" else ""


def _worded(task: str, cases: Mapping[str, Case], said: Mapping[str, str]) -> Iterator[Measurement]:
    given = {id_: str(case.inputs["text"]) for id_, case in cases.items()}
    beside = ("not translated", given) if task == "translate" else ("first two sentences", _leads(given))
    for metric in _WORDED[task]:
        for baseline, texts in ((None, said), beside):
            items = {id_: wording.METRICS[metric](texts[id_], case.references) for id_, case in cases.items()}
            yield Measurement(NAME, task, metric, items, baseline)


def _leads(texts: Mapping[str, str]) -> Mapping[str, str]:
    def lead(text: str, spans: Sequence[tuple[int, int]]) -> str:
        return " ".join(text[start:end].strip() for start, end in spans[:_LEAD])

    return {id_: lead(text, sentences.split(text)) for id_, text in texts.items()}

"""What every task must do."""

from __future__ import annotations

import jsonschema
import pytest
from task_doubles import WritingEngine, conforming, events_of, result_of, tasks_over

from chatbot import prompts
from chatbot.bootstrap import Application, shipped
from chatbot.engines.parts import Engine
from chatbot.errors import TaskUnavailable
from chatbot.tasks.events import TaskCompleted, TaskResult, task_event
from chatbot.tasks.inputs import checked
from chatbot.tasks.task import NOT_MEASURED, Task
from chatbot.tasks.tasks import ALL, Tasks

each_task = pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)


@pytest.fixture
def writing(application: Application) -> Tasks:
    return tasks_over(application, WritingEngine(reply=conforming))


@pytest.fixture
def quoting(application: Application) -> Tasks:
    return tasks_over(application, Engine(application.engine.model, writes=False))


def test_names_differ() -> None:
    assert len({task.name for task in ALL}) == len(ALL)


@each_task
def test_its_prompts_exist(task: Task) -> None:
    assert set(task.prompts) <= prompts.load([shipped("prompts")]).keys()


@each_task
def test_it_and_its_inputs_describe_themselves(task: Task) -> None:
    properties = task.inputs.model_json_schema()["properties"]

    assert task.main in properties
    assert task.title[:1].isupper()
    assert task.description.endswith(".")
    assert [name for name, field in properties.items() if not field.get("description", "").endswith(".")] == []


@each_task
def test_its_example_is_valid(task: Task) -> None:
    checked(task.name, task.inputs, task.example)


@each_task
async def test_its_result_is_what_it_promises(task: Task, writing: Tasks) -> None:
    result = await result_of(writing, task.name, **task.example)

    assert result.task == task.name
    assert result.text or result.data
    if task.output:
        task.output.model_validate(result.data)
        jsonschema.validate(result.data, next(card for card in writing.cards() if card.name == task.name).output or {})


@each_task
async def test_no_result_of_a_model_looks_measured(task: Task, writing: Tasks) -> None:
    assert (await result_of(writing, task.name, **task.example)).quality == NOT_MEASURED


@each_task
async def test_its_events_end_with_one_result_and_survive_the_wire(task: Task, writing: Tasks) -> None:
    events = await events_of(writing, task.name, **task.example)

    assert [isinstance(event, TaskCompleted) for event in events] == [False] * (len(events) - 1) + [True]
    assert [task_event.validate_json(event.model_dump_json()) for event in events] == events


@each_task
async def test_without_an_engine_that_writes_it_quotes_or_says_what_it_needs(task: Task, quoting: Tasks) -> None:
    card = next(card for card in quoting.cards() if card.name == task.name)

    if task.quote:
        result = await result_of(quoting, task.name, **task.example)
        assert card.available
        assert result.backed
        assert result.quality == task.quote_quality
        return
    with pytest.raises(TaskUnavailable, match="answer and summarize") as refused:
        await result_of(quoting, task.name, **task.example)
    assert not card.available
    assert card.needs in str(refused.value)
    assert "--vllm-url" in card.needs


@each_task
async def test_citations_are_exact(task: Task, quoting: Tasks, writing: Tasks, application: Application) -> None:
    results: list[TaskResult] = [
        await result_of(tasks, task.name, **task.example) for tasks in (writing, quoting)[: 1 + bool(task.quote)]
    ]

    for citation in (citation for result in results for citation in result.citations):
        (chunk, document), *_ = application.catalogue.published_chunks([citation.chunk_id]).values()
        text = application.catalogue.document_text(document.id)
        assert text[citation.start : citation.end] == citation.cited_text
        assert chunk.start <= citation.start < citation.end <= chunk.end

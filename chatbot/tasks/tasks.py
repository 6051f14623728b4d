"""All tasks, listed and run: the one registry behind the command line, the HTTP API and the web chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel

from chatbot.errors import ChatbotError, TaskUnavailable, UnknownTask
from chatbot.flow.pipeline import failed
from chatbot.sampling import Sampling
from chatbot.schema import Principal
from chatbot.tasks import (
    answer,
    chat,
    classify,
    complete,
    documents,
    entities,
    explain_code,
    extract,
    quiz,
    sentiment,
    summarize,
    translate,
    tutor,
    write,
)
from chatbot.tasks.events import TaskCard, TaskCompleted, TaskEvent, TaskResult
from chatbot.tasks.inputs import Inputs, checked
from chatbot.tasks.task import NOT_MEASURED, Outcome, Runner, Task
from chatbot.tasks.work import TaskParts, Work

ALL: tuple[Task, ...] = (
    answer.TASK,
    chat.TASK,
    complete.TASK,
    summarize.TASK,
    translate.TASK,
    sentiment.TASK,
    classify.TASK,
    extract.TASK,
    write.TASK,
    entities.TASK,
    explain_code.TASK,
    quiz.TASK,
    tutor.TASK,
)

NEEDED = "an engine that writes: chatbot serve --vllm-url URL, with the address of a vLLM server"


class Tasks:
    """Runs tasks; holds no state between them."""

    def __init__(self, parts: TaskParts, tasks: Sequence[Task] = ALL) -> None:
        self._parts = parts
        self._tasks = {task.name: task for task in tasks}

    def cards(self) -> list[TaskCard]:
        """What there is, in the order in which it is shown."""
        return [self._card(task) for task in self._tasks.values()]

    def documents(self, principal: Principal = Principal()) -> list[str]:  # noqa: B008  a frozen value
        """Names that an input for a document takes."""
        return documents.names(self._parts.catalogue, principal)

    async def run(
        self,
        name: str,
        inputs: Mapping[str, Any],
        sampling: Sampling | None = None,
        principal: Principal = Principal(),  # noqa: B008  a frozen value
    ) -> AsyncGenerator[TaskEvent]:
        """Do a task; the last event, and only the last, is `completed` or `error`. Close the iterator to stop the engine.

        Raises:
            UserError: before the first event: there is no such task, the engine cannot do it, or an input is wrong.
        """
        task = self._task(name)
        runner = self._runner(task)
        given = await asyncio.to_thread(checked, name, task.inputs, inputs)  # a schema may be long
        work = Work(self._parts, sampling, principal)
        try:
            async with aclosing(runner(given, work)) as steps:
                async for step in steps:
                    yield self._completed(task, step, work) if isinstance(step, Outcome) else step
        except ChatbotError as error:
            yield failed(error)

    def _task(self, name: str) -> Task:
        if name not in self._tasks:
            raise UnknownTask(f"there is no task {name!r}; there are: {', '.join(self._tasks)}")
        return self._tasks[name]

    def _runner(self, task: Task) -> Runner:
        if self._parts.engine.writes:
            return task.run
        if task.quote is None:
            able = " and ".join(each.name for each in self._tasks.values() if each.quote)
            raise TaskUnavailable(
                f"the configured engine only quotes sentences: it can do {able}, and not {task.name}, which needs {NEEDED}"
            )
        return task.quote

    def _quality(self, task: Task) -> str:
        return NOT_MEASURED if self._parts.engine.writes or task.quote is None else task.quote_quality

    def _completed(self, task: Task, outcome: Outcome, work: Work) -> TaskCompleted:
        stop, data = outcome.stop or work.finished(), outcome.data
        result = TaskResult(
            task=task.name,
            text=outcome.text,
            is_markdown=outcome.is_markdown,
            data=data.model_dump(mode="json") if isinstance(data, BaseModel) else data,
            citations=outcome.citations,
            passages=outcome.passages,
            backed=outcome.backed,
            usage=stop.usage,
            model=stop.model,
            finish_reason=stop.finish_reason,
            quality=self._quality(task),
        )
        return TaskCompleted(result=result)

    def _card(self, task: Task) -> TaskCard:
        available = self._parts.engine.writes or task.quote is not None
        return TaskCard(
            name=task.name,
            title=task.title,
            description=task.description,
            main=task.main,
            reply=task.reply,
            inputs=_schema(task.inputs),
            output=task.output.model_json_schema() if task.output else None,
            example=dict(task.example),
            available=available,
            needs="" if available else NEEDED,
            quality=self._quality(task),
        )


def _schema(inputs: type[Inputs]) -> dict[str, Any]:
    return inputs.model_json_schema(by_alias=True)

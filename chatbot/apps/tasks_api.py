"""Tasks over HTTP: what there is, and one route that runs any of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from chatbot.apps import event_stream
from chatbot.apps.api import Opened
from chatbot.apps.event_stream import chained
from chatbot.errors import InternalError, from_code
from chatbot.sampling import Sampling
from chatbot.schema import Failed
from chatbot.tasks.events import TaskCard, TaskEvent, TaskResult, last_result

router = APIRouter(prefix="/v1/tasks")


class TaskRequest(BaseModel, extra="forbid"):
    inputs: dict[str, Any] = Field(default_factory=dict, examples=[{"document": "handbook/05-citations.md", "length": "short"}])
    sampling: Sampling | None = None
    """Laid over the engine's own."""
    stream: bool = False


class TaskList(BaseModel):
    tasks: list[TaskCard]


@router.get("")
async def tasks(application: Opened) -> TaskList:
    """Every task with the JSON schema of its inputs, an example, and whether the configured engine can do it."""
    return TaskList(tasks=application.tasks())


@router.post("/{name}", response_model=TaskResult, responses={200: {"content": {"text/event-stream": {}}}})
async def run(name: str, body: TaskRequest, application: Opened) -> Response:
    """Do a task: a `TaskResult`, or with `stream` its events as Server-Sent Events named by their type."""
    events = application.run_task(name, body.inputs, body.sampling)
    if body.stream:
        return event_stream.response(await _begun(events))
    return Response((await last_result(events)).model_dump_json(), media_type="application/json")


async def _begun(events: AsyncGenerator[TaskEvent]) -> AsyncGenerator[TaskEvent]:
    """Wait for the first event: a task that fails at once still has a status of its own."""
    first = await anext(events, None)
    if first is None:
        raise InternalError("the task broke off; run it again")
    if isinstance(first, Failed):
        raise from_code(first.code, first.message, first.retry_after_s)
    return chained(first, events)

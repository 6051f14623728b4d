"""Tasks over HTTP: what there is, and one route that runs any of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from chatbot.apps import wire
from chatbot.apps.api import STREAM_HEADERS, Opened
from chatbot.apps.problems import failed
from chatbot.errors import InternalError, from_code
from chatbot.sampling import Sampling
from chatbot.schema import Failed
from chatbot.tasks.events import TaskCard, TaskEvent, TaskResult
from chatbot.tasks.tasks import last_result

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
        return StreamingResponse(_sse(await _begun(events)), media_type="text/event-stream", headers=STREAM_HEADERS)
    return Response((await last_result(events)).model_dump_json(), media_type="application/json")


async def _begun(events: AsyncGenerator[TaskEvent]) -> AsyncGenerator[TaskEvent]:
    """Wait for the first event: a task that fails at once still has a status of its own."""
    first = await anext(events, None)
    if first is None:
        raise InternalError("the task broke off; run it again")
    if isinstance(first, Failed):
        raise from_code(first.code, first.message, first.retry_after_s)
    return _chained(first, events)


async def _chained(first: TaskEvent, rest: AsyncGenerator[TaskEvent]) -> AsyncGenerator[TaskEvent]:
    async with aclosing(rest):  # a client that left must not keep the engine busy
        yield first
        try:
            async for event in rest:
                yield event
        except Exception as error:  # noqa: BLE001  the last border: the stream itself must say that it ends here
            yield failed(error)


async def _sse(events: AsyncGenerator[TaskEvent]) -> AsyncGenerator[str]:
    async with aclosing(events):
        number = 0
        async for event in events:
            number += 1
            yield wire.server_sent(event.model_dump_json(), id=number, event=event.type)

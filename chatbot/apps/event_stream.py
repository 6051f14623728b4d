"""Events of an answer or a task as Server-Sent Events, ended by an event whatever happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from fastapi.responses import StreamingResponse

from chatbot.apps import wire
from chatbot.apps.problems import failed
from chatbot.apps.together import together
from chatbot.schema import AnswerEvent, Failed
from chatbot.tasks.events import TaskEvent

STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Event = TypeVar("Event", AnswerEvent, TaskEvent)


async def chained(first: Event, rest: AsyncGenerator[Event]) -> AsyncGenerator[Event | Failed]:
    """The whole stream again, of which `first` was taken; an error becomes its last event."""
    async with aclosing(rest):  # a client that left must not keep the engine busy
        yield first
        try:
            async for event in rest:
                yield event
        except Exception as error:  # noqa: BLE001  the last border: the stream itself must say that it ends here
            yield failed(error)


def response(events: AsyncGenerator[AnswerEvent] | AsyncGenerator[TaskEvent]) -> StreamingResponse:
    """Each event named by its type and numbered; what comes at one time is sent in one piece."""
    return StreamingResponse(together(_lines(events)), media_type="text/event-stream", headers=STREAM_HEADERS)


async def _lines(events: AsyncGenerator[AnswerEvent] | AsyncGenerator[TaskEvent]) -> AsyncGenerator[str]:
    async with aclosing(events):
        number = 0
        async for event in events:
            number += 1
            yield wire.server_sent(event.model_dump_json(), id=number, event=event.type)

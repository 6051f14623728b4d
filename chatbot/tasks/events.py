"""What a task says while it runs, its result, and how it introduces itself: what front ends show, and the JSON of the API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, TypeAdapter

from chatbot.errors import InternalError, from_code
from chatbot.schema import Citation, DeltaReleased, Failed, FinishReason, Passage, Replaced, Usage, Value


class TaskProgress(Value):
    """How far a task is that asks the engine more than once."""

    type: Literal["progress"] = "progress"
    what: str
    """What is being done, in two or three words."""
    done: int
    total: int


class TaskResult(Value):
    task: str
    text: str = ""
    """For a person to read; empty of `extract`, whose `data` has the form that was asked for."""
    is_markdown: bool = False
    """The text is a model's, with its Markdown; otherwise it is shown sign by sign."""
    data: JsonValue = None
    """Of a task with a structured result, as its output schema says."""
    citations: tuple[Citation, ...] = ()
    """Exact words of documents. In `text`, the k-th citation belongs to the k-th marker."""
    passages: tuple[Passage, ...] = ()
    """Where the citations stand."""
    backed: bool = False
    """True where the citations lead to the words it rests on; False: nothing of it was checked against a document."""
    usage: Usage = Usage()
    """Of all calls of the engine together."""
    model: str = ""
    finish_reason: FinishReason = "stop"
    """`length` where any call of the engine was cut at its limit: something is missing then."""
    quality: str
    """What is known of how good such results are, and the command that tells more."""


class TaskCompleted(Value):
    type: Literal["completed"] = "completed"
    result: TaskResult


TaskEvent = Annotated[TaskProgress | DeltaReleased | Replaced | TaskCompleted | Failed, Field(discriminator="type")]
"""A stream of these ends with exactly one `completed` or `error`."""

task_event: TypeAdapter[TaskEvent] = TypeAdapter(TaskEvent)


class TaskCard(Value):
    """What there is to know of a task before it is run."""

    name: str
    title: str
    description: str
    main: str
    """The input that stands for the task where only one text is given."""
    reply: str = ""
    """The input for the answer to what the task asked last; empty of one that asks nothing."""
    inputs: dict[str, Any]
    """JSON schema of its inputs."""
    output: dict[str, Any] | None
    """JSON schema of the result's `data`; None where it has none, or where an input says what it is."""
    example: dict[str, Any]
    """Inputs that it can be tried with."""
    available: bool
    """False: the configured engine cannot do it."""
    needs: str = ""
    """Of one that is not available: what is missing."""
    quality: str

    @property
    def typed(self) -> str:
        """The input that is typed in a conversation."""
        return self.reply or self.main


task_cards: TypeAdapter[list[TaskCard]] = TypeAdapter(list[TaskCard])


async def last_result(events: AsyncGenerator[TaskEvent]) -> TaskResult:
    """Run a task to its end.

    Raises:
        ChatbotError: it ended in an error.
    """
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TaskCompleted):
                return event.result
            if isinstance(event, Failed):
                raise from_code(event.code, event.message, event.retry_after_s)
    raise InternalError("the task broke off; run it again")

"""A task: its name, what it takes, what it gives, and how it is done."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import JsonValue

from chatbot.schema import Citation, DeltaReleased, Passage, Replaced, Stop, Value
from chatbot.tasks.events import TaskProgress
from chatbot.tasks.inputs import Inputs

if TYPE_CHECKING:
    from chatbot.tasks.work import Work

NOT_MEASURED = "not measured here: run `chatbot eval tasks` with a trained model on a GPU"
"""The quality of everything that a model writes."""


class Outcome(NamedTuple):
    """The last thing a runner yields."""

    text: str = ""
    """For a person to read; empty where the data has the form that its reader asked for."""
    data: Value | JsonValue = None
    citations: tuple[Citation, ...] = ()
    passages: tuple[Passage, ...] = ()
    backed: bool = False
    is_markdown: bool = False
    """The text is as a model wrote it; otherwise it is shown sign by sign."""
    stop: Stop | None = None
    """Where the engine was not asked through `Work`."""


Step = TaskProgress | DeltaReleased | Replaced | Outcome
Runner = Callable[[Any, "Work"], AsyncGenerator[Step]]
"""Takes an instance of the task's inputs; yields any number of steps, the outcome last. Closing it closes the engine's stream."""


@dataclass(frozen=True)
class Task:
    name: str
    title: str
    description: str
    inputs: type[Inputs]
    main: str
    """The input that a text alone stands for."""
    example: Mapping[str, Any]
    """Inputs to try it with; the documents in it are pages of the handbook."""
    run: Runner
    """With an engine that writes."""
    reply: str = ""
    """The input that answers what the task asked last."""
    prompts: tuple[str, ...] = ()
    """Names of those it fills in."""
    output: type[Value] | None = None
    """Of the outcome's data, where the task has one and not the caller."""
    quote: Runner | None = None
    """With an engine that only quotes; None: it cannot be done then."""
    quote_quality: str = ""
    """What is known of the quality then."""

"""A task's result as far as it has come, folded from its events. It knows nothing about HTML or Gradio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chatbot.apps.task_text import remarks
from chatbot.apps.turn import Turn
from chatbot.schema import DeltaReleased, Failed
from chatbot.tasks.events import TaskCompleted, TaskEvent, TaskProgress, TaskResult


@dataclass(frozen=True)
class TaskTurn(Turn):
    """The machine's side of an exchange that was a task."""

    task: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    progress: str = ""
    result: TaskResult | None = field(default=None, repr=False)


def advance_task(turn: TaskTurn, event: TaskEvent) -> TaskTurn:
    """The turn after one more event."""
    match event:
        case TaskProgress(what=what, done=done, total=total):
            return replace(turn, phase="reading", progress=f"{what}: {done} of {total}")
        case DeltaReleased(text=text):
            return replace(turn, phase="answering", raw=turn.raw + text)
        case TaskCompleted(result=result):
            return _complete(turn, result)
        case Failed(message=message):
            return replace(turn, phase="failed", note=message)
        case _:
            return turn


def _complete(turn: TaskTurn, result: TaskResult) -> TaskTurn:
    return replace(
        turn,
        phase="answered",
        raw=result.text,
        citations=result.citations,
        passages=result.passages,
        is_markdown=result.is_markdown,
        note=" ".join(remarks(result)),
        result=result,
    )

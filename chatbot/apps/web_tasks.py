"""The web chat's tasks: what can be chosen, and the inputs that each needs beside the text box.

Imported lazily, as `web` is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr

from chatbot.bootstrap import Application
from chatbot.tasks.events import TaskCard

ANSWER = "answer"
PLACEHOLDER = "Ask a question"

_OURS = {("chat", "history"), ("tutor", "state")}
"""Inputs that the conversation has."""
_MOST_DOCUMENTS = 500
"""In a list to choose from; any other can be typed."""


class TaskInput(NamedTuple):
    task: str
    name: str
    component: Any


class Chooser(NamedTuple):
    """The components that tasks are chosen and filled in with."""

    cards: Mapping[str, TaskCard]
    """Those that the engine can do."""
    choice: gr.Dropdown
    rows: Mapping[str, gr.Row]
    """By task; shown while it is chosen."""
    inputs: Sequence[TaskInput]

    def given(self, task: str, text: str, values: Sequence[Any]) -> dict[str, Any]:
        """The inputs of a task, from its text and the values of all of `inputs`."""
        filled = {each.name: value for each, value in zip(self.inputs, values, strict=True) if each.task == task}
        if text.strip():
            filled[self.cards[task].typed] = text
        return {name: value for name, value in filled.items() if value not in (None, "")}

    def needs_text(self, task: str, given: Mapping[str, Any]) -> bool:
        """True where nothing but a text can be worked on, and there is none."""
        return not (given.get(self.cards[task].typed) or given.get("document"))

    def chosen(self, task: str) -> dict[Any, Any]:
        """The rows as they are shown while a task is chosen."""
        return {row: gr.Row(visible=name == task) for name, row in self.rows.items()}

    def placeholder(self, task: str) -> str:
        card = self.cards.get(task)
        return PLACEHOLDER if card is None or task == ANSWER else card.inputs["properties"][card.typed]["description"]

    def of_documents(self) -> list[Any]:
        """The inputs that documents are chosen with."""
        return [each.component for each in self.inputs if each.name == "document"]

    def refreshed(self, application: Application) -> dict[Any, Any]:
        """A sync may have brought documents since the page was built."""
        named = _documents(application)
        return {component: gr.Dropdown(named) for component in self.of_documents()}


def choice_of(application: Application) -> tuple[list[TaskCard], gr.Dropdown]:
    """The dropdown of tasks, the answer first."""
    cards = [card for card in application.tasks() if card.available]
    titles = [(card.title, card.name) for card in cards]
    return cards, gr.Dropdown(titles, value=ANSWER, label="Do", filterable=False, elem_id="task")


def chooser(application: Application, cards: Sequence[TaskCard], choice: gr.Dropdown) -> Chooser:
    """Lay out a row of inputs for each task that needs any."""
    documents = _documents(application)
    rows: dict[str, gr.Row] = {}
    inputs: list[TaskInput] = []
    for card in cards:
        if fields := dict(_fields(card)):
            with gr.Row(visible=False, elem_classes="task-inputs") as row:
                rows[card.name] = row
                inputs += [TaskInput(card.name, name, _component(name, field, documents)) for name, field in fields.items()]
    return Chooser({card.name: card for card in cards}, choice, rows, inputs)


def _fields(card: TaskCard) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the text box does not hold; a document is better chosen than typed."""
    for name, field in card.inputs["properties"].items() if card.name != ANSWER else ():
        if (card.name, name) not in _OURS and (name != card.typed or field.get("format") == "document"):
            yield name, field


def _component(name: str, field: Mapping[str, Any], documents: Sequence[str]) -> Any:
    label, default = name.replace("_", " ").capitalize(), field.get("default")
    if field.get("format") == "document":
        return gr.Dropdown(list(documents), value="", label=label, allow_custom_value=True)
    if "enum" in field:
        return gr.Dropdown(field["enum"], value=default, label=label, filterable=False)
    if field.get("type") == "boolean":
        return gr.Checkbox(value=bool(default), label=field["description"].rstrip("."))
    if field.get("type") == "integer":
        return gr.Number(value=default, label=label, precision=0, minimum=field.get("minimum"), maximum=field.get("maximum"))
    listed = ", ".join(default) if isinstance(default, list) else default or ""
    return gr.Textbox(listed, label=label, placeholder=field["description"], max_lines=6)


def _documents(application: Application) -> list[str]:
    return ["", *application.documents()[:_MOST_DOCUMENTS]]

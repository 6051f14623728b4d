"""What stands on the web chat's page, and where. It knows nothing about what happens on a click.

Imported lazily, as `web` is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import gradio as gr

from chatbot.apps import render, render_task
from chatbot.apps.web_tasks import PLACEHOLDER, Chooser, choice_of, chooser
from chatbot.bootstrap import Application
from chatbot.knowledge.sources.collections import Collection, golden_questions

_EXAMPLES = 3


class Example(NamedTuple):
    button: gr.Button
    collection: str
    """Where it is asked: other documents may speak of the same things."""


class Parts(NamedTuple):
    """The components that events read and write."""

    welcome: gr.HTML
    examples: list[Example]
    transcript: gr.Chatbot
    hint: gr.HTML
    question: gr.Textbox
    send: gr.Button
    halt: gr.Button
    collection: gr.Dropdown
    reset: gr.Button
    conversation: gr.State
    tasks: Chooser


def lay_out(application: Application) -> Parts:
    """Build the components; to be called inside `gr.Blocks`."""
    with gr.Column(elem_id="page"):
        # until there are accounts, whoever may reach the page from elsewhere may read only
        documents = render.DOCUMENTS if application.settings.is_private else ""
        gr.HTML(render.HEADER + documents, elem_id="header")
        with gr.Column(elem_id="welcome"):
            welcome = gr.HTML(welcome_text(application))
            examples = list(_examples(application.collections.values()))
        transcript = gr.Chatbot(
            label="Conversation",
            show_label=False,
            elem_id="transcript",
            buttons=[],
            height=None,
            autoscroll=False,  # chat.js follows an answer, and lets go when a person scrolls up
            latex_delimiters=[],
            sanitize_html=False,  # every message is our own HTML, and all text in it went through render.escape
            allow_tags=False,
            feedback_options=None,
            layout="bubble",
        )
        with gr.Column(elem_id="composer"):
            hint = gr.HTML("", elem_id="hint")
            with gr.Row(elem_id="line"):
                question = gr.Textbox(label="Your question", placeholder=PLACEHOLDER, max_lines=6, elem_id="question")
                send = gr.Button("Send", variant="primary", elem_id="send")
                halt = gr.Button("Stop", elem_id="stop")
            with gr.Row(elem_id="options"):
                collection = gr.Dropdown(
                    choices(application), value="", label="Search in", filterable=False, elem_id="collection"
                )
                cards, choice = choice_of(application)
                reset = gr.Button("New conversation", elem_id="reset")
            tasks = chooser(application, cards, choice)
            gr.HTML(render.FINE_PRINT + render_task.needs_note(application.tasks()), elem_id="fine-print")
    gr.HTML(render.PANEL, elem_id="side")
    return Parts(welcome, examples, transcript, hint, question, send, halt, collection, reset, gr.State(()), tasks)


def _examples(collections: Iterable[Collection]) -> Iterator[Example]:
    for collection in collections:
        if questions := _example_questions(collection):
            gr.HTML(render.collection_html(collection), elem_classes="collection")
            with gr.Row(elem_classes="examples"):
                for question in questions:
                    yield Example(gr.Button(question, elem_classes="example"), collection.name)


def _example_questions(collection: Collection) -> list[str]:
    return [each.question for each in golden_questions(collection) if each.expected_sources][:_EXAMPLES]


def welcome_text(application: Application) -> str:
    """A collection without example questions would otherwise not be seen."""
    held, described = application.catalogue.collections(), application.collections
    plain = {name for name in held if name not in described or not _example_questions(described[name])}
    return render.welcome_html(bool(held), {title: held[name] for title, name in choices(application) if name in plain})


def choices(application: Application) -> list[tuple[str, str]]:
    """Collections that hold documents, title and name, the described ones first."""
    held, described = application.catalogue.collections(), application.collections
    names = [name for name in described if name in held] + sorted(held.keys() - described.keys())
    return [("All documents", ""), *((described[name].title if name in described else name, name) for name in names)]

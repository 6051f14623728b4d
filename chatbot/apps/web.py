"""The web chat: one Gradio page over `Application.answer`. Wiring only; what a message looks like is in `render`.

Imported lazily by the server, because importing Gradio takes seconds. What is shown when (welcome, Send or Stop) follows from
the transcript, in chat.css.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.themes import Base

from chatbot.apps import render, render_task
from chatbot.apps.pacing import PacedTurns
from chatbot.apps.task_turn import TaskTurn, advance_task
from chatbot.apps.turn import Turn, fail, refuse
from chatbot.apps.web_layout import Parts, choices, lay_out, welcome_text
from chatbot.apps.web_tasks import ANSWER
from chatbot.bootstrap import Application
from chatbot.errors import ChatbotError, UserError
from chatbot.schema import Message, Query

FRAME_S = 0.1
"""At most ten pictures a second: Gradio redraws the whole message, and with one picture a token the page fell 11 s behind."""

KEPT_MESSAGES = 20
"""How much of a conversation goes with the next question."""

KEPT_EXCHANGES = 25
"""How much of a conversation stays on the page, and in memory."""

SESSIONS = 200
"""Conversations held in memory; the one unused for longest goes first."""

_ANSWERS_AT_ONCE = 8
_WAITING = 64
_STATIC = Path(__file__).parent / "static"
_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_MONOSPACE = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

_log = logging.getLogger(__name__)


class Exchange(NamedTuple):
    """A question and its answer."""

    question: str
    turn: Turn


class _Wish(NamedTuple):
    """What a person sent."""

    task: str
    text: str
    collection: str
    given: Mapping[str, Any]
    """The task's inputs."""


class _Started(NamedTuple):
    """An answer, or a task, that has begun."""

    paced: PacedTurns
    turn: Turn
    """The first."""
    shown: str
    """What the person is shown to have asked."""
    name: str
    """For the log."""


Conversation = tuple[Exchange, ...]
Frame = dict[Any, Any]
"""New values by component."""


def build(application: Application) -> gr.Blocks:
    """The page; mount it with `mount_options`."""
    with gr.Blocks(title="Chatbot", analytics_enabled=False, fill_height=True, fill_width=True) as blocks:
        parts = lay_out(application)
        _wire(parts, application)

        def loaded() -> Frame:
            """A sync may have brought documents since the page was built."""
            return {
                parts.welcome: welcome_text(application),
                parts.collection: gr.Dropdown(choices(application)),
                **parts.tasks.refreshed(application),
            }

        refreshed = [parts.welcome, parts.collection, *parts.tasks.of_documents()]
        blocks.load(loaded, None, refreshed, queue=False, show_progress="hidden", api_visibility="private")
    blocks.queue(max_size=_WAITING, default_concurrency_limit=_ANSWERS_AT_ONCE, api_open=False)
    blocks.state_session_capacity = SESSIONS
    return blocks


def mount_options() -> dict[str, Any]:
    """Arguments for `gr.mount_gradio_app`: nothing leaves this machine, nothing is recorded. (`page` refuses uploads.)"""
    style, script = (_joined("chat.css", "tasks.css", "documents.css"), _joined("chat.js", "documents.js"))
    return {
        "theme": Base(primary_hue="teal", neutral_hue="slate", font=_FONTS, font_mono=_MONOSPACE).set(
            # --ground and --ink of chat.css, which comes later than the first paint
            body_background_fill="#f7f8fa",
            body_background_fill_dark="#12161c",
            body_text_color="#1c2530",
            body_text_color_dark="#e7ebf0",
        ),
        "favicon_path": str(_STATIC / "icon.svg"),
        "head": f"<style>{style}</style><script>{script}</script>",
        "footer_links": [],
        "run_history": False,
        "show_error": False,
        "ssr_mode": False,
        "mcp_server": False,
        "enable_monitoring": False,
    }


def _joined(*names: str) -> str:
    return "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in names)


def _wire(parts: Parts, application: Application) -> None:
    running: dict[str, PacedTurns] = {}

    async def respond(
        text: str, collection: str, conversation: Conversation, request: gr.Request, task: str = ANSWER, *values: Any
    ) -> AsyncGenerator[Frame]:
        session = request.session_hash or ""
        given = parts.tasks.given(task, text, values) if values else {"question": text.strip()}
        if session in running or parts.tasks.needs_text(task, given):
            yield {parts.hint: render.BUSY_HINT if session in running else render.EMPTY_HINT}
            return
        earlier = conversation[1 - KEPT_EXCHANGES :]
        shown = [message for exchange in earlier for message in _messages(exchange)]
        started = _start(_Wish(task, text, collection, given), earlier, parts, application)
        running[session] = started.paced
        try:
            async with contextlib.aclosing(_turns(started)) as turns:
                async for turn in turns:
                    exchange = Exchange(started.shown[: application.settings.max_question_chars], turn)
                    yield {
                        parts.transcript: [*shown, *_messages(exchange)],
                        parts.conversation: (*earlier, exchange),
                        **_fields(parts, text, turn),
                    }
        finally:
            running.pop(session).stop()

    async def halt(request: gr.Request) -> None:
        # not Gradio's `cancels`: its answer to the click overtakes a frame on its way, which then is painted over it
        if paced := running.get(request.session_hash or ""):
            paced.stop()

    def forgotten() -> Frame:
        return {parts.transcript: [], parts.conversation: (), parts.hint: "", parts.question: ""}

    outputs = [parts.question, parts.hint, parts.transcript, parts.conversation]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    task = [parts.tasks.choice, *(each.component for each in parts.tasks.inputs)]
    sources: list[tuple[Any, Any, Any, list[Any]]] = [
        (parts.question.submit, parts.question, parts.collection, task),
        (parts.send.click, parts.question, parts.collection, task),
        *((example.button.click, example.button, gr.State(example.collection), []) for example in parts.examples),
    ]
    for trigger, question, collection, chosen in sources:
        inputs = [question, collection, parts.conversation, *chosen]
        # "multiple": otherwise the browser drops a question that comes too early, and nothing says so
        trigger(respond, inputs, outputs, trigger_mode="multiple", concurrency_id="answer", **quiet)
    _wire_choice(parts, quiet)
    parts.halt.click(halt, queue=False, **quiet)
    parts.reset.click(forgotten, None, outputs, queue=False, **quiet)


def _start(wish: _Wish, earlier: Conversation, parts: Parts, application: Application) -> _Started:
    if wish.task == ANSWER:
        collections = (wish.collection,) if wish.collection else ()
        query = Query(text=wish.text, history=_history(earlier), collections=collections)
        return _Started(PacedTurns(application.answer(query), FRAME_S), Turn(), wish.text, f"request {query.request_id}")
    turn = TaskTurn(task=wish.task, inputs=wish.given, is_markdown=application.engine.writes)
    events = application.run_task(wish.task, {**wish.given, **_remembered(wish.task, wish.given, earlier)})
    shown = render_task.asked(parts.tasks.cards[wish.task], wish.text, wish.given)
    return _Started(PacedTurns(events, FRAME_S, advance_task, turn), turn, shown, f"task {wish.task}")


def _wire_choice(parts: Parts, quiet: dict[str, Any]) -> None:
    def choose(task: str) -> Frame:
        shown = {parts.question: gr.Textbox(placeholder=parts.tasks.placeholder(task)), **parts.tasks.chosen(task)}
        return {**shown, parts.collection: gr.Dropdown(visible=task == ANSWER)}

    changed = [parts.question, parts.collection, *parts.tasks.rows.values()]
    parts.tasks.choice.change(choose, parts.tasks.choice, changed, queue=False, **quiet)


def _fields(parts: Parts, text: str, turn: Turn) -> Frame:
    """The text box is emptied once, so that the next question can be typed, and gets back a question to be changed."""
    if turn.phase == "searching":
        return {parts.question: "", parts.hint: ""}
    return {parts.question: text} if turn.phase == "refused" else {} if turn.busy else {parts.hint: ""}


async def _turns(started: _Started) -> AsyncGenerator[Turn]:
    """The answer as it grows; errors become the last turn."""
    turn = started.turn
    yield turn
    try:
        async with contextlib.aclosing(started.paced.turns()) as turns:
            async for turn in turns:
                yield turn
    except UserError as error:
        yield refuse(turn, str(error))
    except ChatbotError as error:
        yield fail(turn, str(error))
    except Exception:  # noqa: BLE001  the page is the last who can tell the person
        _log.exception("the web chat could not answer %s", started.name)
        yield fail(turn, render.UNEXPECTED)


def _messages(exchange: Exchange) -> list[dict[str, str]]:
    return [
        {"role": "user", "content": render.question_html(exchange.question)},
        {"role": "assistant", "content": _turn_html(exchange.turn)},
    ]


def _turn_html(turn: Turn) -> str:
    return render_task.turn_html(turn) if isinstance(turn, TaskTurn) else render.turn_html(turn)


def _remembered(task: str, given: Mapping[str, Any], conversation: Conversation) -> dict[str, Any]:
    """What a task that goes on needs of the conversation: a chat its turns, a tutor the state of the lesson."""
    if task == "chat":
        return {"history": _history(conversation)}
    last = conversation[-1].turn if conversation else None
    if task != "tutor" or not isinstance(last, TaskTurn) or last.task != task or last.result is None:
        return {}
    data, same_document = last.result.data, last.inputs.get("document") == given.get("document")
    return {"state": data["state"]} if same_document and isinstance(data, dict) else {}


def _history(conversation: Conversation) -> tuple[Message, ...]:
    """The exchanges that got an answer; of tasks only the chat, which is a conversation too."""
    messages: list[Message] = []
    for question, turn in conversation:
        if isinstance(turn, TaskTurn):
            question = str(turn.inputs["text"]) if turn.task == "chat" else ""
        if turn.plain and question:
            answer = Message(role="assistant", content=turn.plain) if isinstance(turn, TaskTurn) else turn.said()
            messages += [Message(role="user", content=question), answer]
    return tuple(messages[-KEPT_MESSAGES:])

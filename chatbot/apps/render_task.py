"""Turns a task's result into HTML. Pure, as `render` is; all text that is not ours goes through its `escape`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from chatbot.apps import render
from chatbot.apps.render import escape
from chatbot.apps.task_turn import TaskTurn
from chatbot.tasks.events import TaskCard


def turn_html(turn: TaskTurn) -> str:
    """The machine's message: text as answers have it, a result without one as a table; below what has data, its JSON."""
    if turn.busy:
        return _framed(turn, f'<div class="text" dir="auto">{render.words_html(turn)}</div>{_legend(turn)}')
    if turn.result is None:
        return render.turn_html(turn)
    data = turn.result.data
    if turn.raw:
        return render.turn_html(turn) + (_json(data) if data is not None else "")
    note = f'<p class="note">{escape(turn.note)}</p>' if turn.note else ""
    return _framed(turn, f'<div class="text" dir="auto">{data_html(data)}</div>{note}') + _json(data)


def data_html(value: JsonValue) -> str:
    """Objects as tables of name and value, lists as numbered lists; what is empty is left out."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if each not in (None, [], {}) and name != "state"}
        rows = (f"<tr><th>{escape(name)}</th><td>{data_html(each)}</td></tr>" for name, each in kept.items())
        return f"<table>{''.join(rows)}</table>"
    if isinstance(value, list):
        return f"<ol>{''.join(f'<li>{data_html(each)}</li>' for each in value)}</ol>"
    return escape(value if isinstance(value, str) else json.dumps(value))


def asked(card: TaskCard, text: str, inputs: Mapping[str, object]) -> str:
    """What a person is shown to have asked."""
    told = [f"{name}: {value}" for name, value in inputs.items() if name != card.typed and isinstance(value, str | int) and value]
    options = f" ({', '.join(told)})" if told else ""
    return "\n".join(filter(None, [card.title + options, text]))


def needs_note(cards: Sequence[TaskCard]) -> str:
    """One quiet line on the tasks that are not offered; empty where all are."""
    missing = [card for card in cards if not card.available]
    if not missing:
        return ""
    return f" {len(missing)} more tasks need {_unbroken(missing[0].needs)}."


def _unbroken(text: str) -> str:
    """Its options of the command line are kept whole: a browser breaks lines at hyphens."""
    words = (f'<span class="option">{escape(word)}</span>' if word.startswith("--") else escape(word) for word in text.split())
    return " ".join(words)


def _framed(turn: TaskTurn, body: str) -> str:
    return f'<h2 class="unseen">Answer</h2><div class="answer" data-phase="{turn.phase}">{body}</div>'


def _legend(turn: TaskTurn) -> str:
    progress = turn.progress[:1].upper() + turn.progress[1:]
    return f'<p class="phase"><span class="pulse"></span>{escape(progress or "Working")}…</p>'


def _json(value: JsonValue) -> str:
    return f'<details class="data"><summary>JSON</summary><pre tabindex="0">{escape(json.dumps(value, indent=2))}</pre></details>'

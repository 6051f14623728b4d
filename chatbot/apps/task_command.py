"""`chatbot task`: does a task, or lists them all. What it prints is made in `task_text`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from chatbot import markers
from chatbot.apps import wire
from chatbot.apps.controls import harmless
from chatbot.errors import BadInput, InternalError, UnknownTask, from_code
from chatbot.schema import DeltaReleased, Failed
from chatbot.tasks.events import TaskCard, TaskCompleted, TaskEvent, TaskProgress, TaskResult, last_result

if TYPE_CHECKING:
    from chatbot.apps.session import Session

T = TypeVar("T")

_STDIN = "-"
_ABSTAINED = 3
"""Exit code, as of `chatbot ask`."""


class WithSession(Protocol):
    """Opens a session for the length of `act`."""

    def __call__(self, command: str, act: Callable[[Session], T], read_built_in: bool = True) -> T: ...


def add_to(app: typer.Typer, with_session: WithSession) -> None:
    """Give the command line its command."""

    @app.command()
    def task(
        name: Annotated[str | None, typer.Argument(help="Which task; none lists them with their inputs.")] = None,
        text: Annotated[str | None, typer.Argument(help="Its main input; - reads it from stdin.")] = None,
        inputs: Annotated[list[str], typer.Option("--input", "-i", help="Another input, as NAME=VALUE.")] = [],  # noqa: B006
        file: Annotated[Path | None, typer.Option(help="Read the main input from this file.")] = None,
        schema: Annotated[Path | None, typer.Option(help="A file with the JSON schema for extract.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        stream: Annotated[bool, typer.Option("--stream", help="Print as it comes; with --json one event a line.")] = False,
    ) -> None:
        """Summarize, translate, classify, extract and more; without a NAME, list what there is."""
        if name is None:
            _list(with_session("task", lambda session: session.tasks(), read_built_in=False), as_json)
            return
        pairs = [_pair(each) for each in inputs]

        def act(session: Session) -> int:
            card = _card(session.tasks(), name)
            given = {**dict(pairs), **({"schema": _json_of(schema)} if schema else {})}
            main = _main_input(card, text, file)
            if twice := given.keys() & main.keys():
                raise BadInput(f"{', '.join(twice)} is given twice, as the text and with --input; leave one of them out")
            given |= main
            lesson = card.reply and not (as_json or given.keys() - {card.main})
            return asyncio.run(_lesson(session, card, given) if lesson else _run(session, name, given, as_json, stream))

        raise typer.Exit(with_session("task", act))


async def _run(session: Session, name: str, given: Mapping[str, Any], as_json: bool, stream: bool) -> int:
    result: TaskResult | None = None
    streamed = False
    async with aclosing(session.run_task(name, given)) as events:
        async for event in events:
            if stream and as_json:
                typer.echo(wire.json_line(event.model_dump_json()), nl=False)
            elif isinstance(event, TaskProgress):
                typer.echo(f"{event.what}: {event.done} of {event.total}", err=True)
            elif isinstance(event, DeltaReleased) and stream:
                typer.echo(harmless(event.text), nl=False)
                streamed = True
            result = _result(event) or result
    if result is None:
        raise InternalError("the task broke off; run it again")
    if not stream or not as_json:
        _print(result, as_json, streamed)
    return _ABSTAINED if result.finish_reason == "abstained" else 0


async def _lesson(session: Session, card: TaskCard, given: Mapping[str, Any]) -> int:
    """Go on until the learner has had enough: an empty line, or the end of the input."""
    inputs = dict(given)
    while True:
        result = await last_result(session.run_task(card.name, inputs))
        typer.echo(harmless(markers.unescaped(markers.strip(result.text))))
        typer.echo("> ", nl=False)
        answer = sys.stdin.readline().strip()
        if not (answer and isinstance(result.data, dict)):
            typer.echo()
            return 0
        inputs |= {card.reply: answer, "state": result.data["state"]}


def _result(event: TaskEvent) -> TaskResult | None:
    """
    Raises:
        ChatbotError: the event tells of an error.
    """
    if isinstance(event, Failed):
        raise from_code(event.code, event.message, event.retry_after_s)
    return event.result if isinstance(event, TaskCompleted) else None


def _print(result: TaskResult, as_json: bool, streamed: bool) -> None:
    from chatbot.apps import task_text

    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    elif streamed:
        rest = task_text.shown(result).removeprefix(result.text)
        typer.echo(harmless(rest))
    else:
        typer.echo(harmless(task_text.shown(result)))


def _list(cards: list[TaskCard], as_json: bool) -> None:
    from chatbot.apps import task_text

    listed = json.dumps({"tasks": [card.model_dump(mode="json") for card in cards]}, indent=2)
    typer.echo(listed if as_json else task_text.listed(cards))


def _card(cards: list[TaskCard], name: str) -> TaskCard:
    found = next((card for card in cards if card.name == name), None)
    if found is None:
        raise UnknownTask(f"there is no task {name!r}; there are: {', '.join(card.name for card in cards)}")
    return found


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"--input {text!r} has no value; write it as NAME=VALUE")
    return name.strip(), value


def _main_input(card: TaskCard, text: str | None, file: Path | None) -> dict[str, str]:
    if text is not None and file is not None:
        raise BadInput("give either a text or --file, and not both")
    if file is not None:
        return {card.main: _read(file)}
    if text == _STDIN:
        return {card.main: _from_stdin()}
    return {} if text is None else {card.main: text}


def _from_stdin() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise BadInput(f"stdin cannot be read as text: {error}") from error


def _json_of(file: Path) -> Any:
    try:
        return json.loads(_read(file))
    except RecursionError as error:
        raise BadInput(f"--schema {file} is nested too deeply") from error
    except ValueError as error:
        raise BadInput(f"--schema {file} is no JSON: {error}") from error


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}; check its name") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is no UTF-8 text; save it as such: {error}") from error

"""The command line: parses, calls a session once, renders. Heavy parts load when a command needs them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable
from contextlib import aclosing
from itertools import filterfalse
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from chatbot import __version__, settings
from chatbot.apps import document_commands, eval_command, task_command, verify_command
from chatbot.apps.controls import harmless
from chatbot.errors import ChatbotError, InternalError, UserError, from_code

if TYPE_CHECKING:
    from chatbot.apps.session import Session
    from chatbot.schema import Answer, Query

T = TypeVar("T")

EXIT = {"answered": 0, "partial": 0, "smalltalk": 0, "clarify": 0, "abstained": 3, "blocked": 4, "interrupted": 1}

_ADDRESS = re.compile(r"auto|local|(ray://)?[^/\s]+:\d+")
"""Of a Ray cluster. What else stands behind --ray is a path."""

_TYPER_INTERRUPTED = 130
"""Typer's own exit code for Ctrl+C; ours is 1."""

app = typer.Typer(
    help="Ask your documents: answers quote their sources, or say that the documents do not say.",
    epilog="`chatbot settings` lists all settings; each is a variable, such as CHATBOT_DATA_DIR or CHATBOT_VLLM__API_KEY, or a "
    "line of chatbot.toml. --debug, anywhere on the line, shows a traceback with an error.",
    no_args_is_help=True,
    rich_markup_mode=None,  # it would take a default in brackets for a colour
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VllmUrl = Annotated[str | None, typer.Option(help="Address of the vLLM server [http://127.0.0.1:8000].")]
Collection = Annotated[list[str], typer.Option("--collection", "-c", help="Search only this collection; may be given again.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chatbot {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before every command."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one [7860].")] = None,
    knowledge: Annotated[
        Path | None, typer.Option(help="A folder of collections instead of ./knowledge and the built-in ones.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="What writes the answers: extractive or vllm [extractive].")] = None,
    vllm_url: Annotated[
        str | None, typer.Option(help="Address of the vLLM server [http://127.0.0.1:8000]; chooses the engine vllm.")
    ] = None,
) -> None:
    """Web chat and HTTP API; syncs the knowledge folders first."""
    engine = engine or ("vllm" if vllm_url else None)
    configured = settings.load(host=host, port=port, knowledge=knowledge, engine=engine, vllm_url=vllm_url)
    from chatbot.apps import server

    server.serve(configured, say=lambda line: print(line, flush=True))  # noqa: T201


@app.command()
def ask(
    question: str,
    collection: Collection = [],  # noqa: B006  typer copies it
    json: Json = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print as it comes; with --json one event a line.")] = False,
) -> None:
    """Answer one question. Exit code 0 answered, 3 the documents do not say, 4 blocked, 1 interrupted."""
    from chatbot.schema import Query

    query = Query(text=question, collections=tuple(collection))
    answer = _with_session("ask", lambda session: asyncio.run(_ask(session, query, json, stream)))
    raise typer.Exit(EXIT[answer.status])


@app.command()
def search(
    text: str,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")] = 10,
    collection: Collection = [],  # noqa: B006  typer copies it
    json: Json = False,
) -> None:
    """Find passages, with the scores of each stage."""
    from chatbot.apps import terminal
    from chatbot.schema import Query

    query = Query(text=text, collections=tuple(collection))
    passages = _with_session("search", lambda session: asyncio.run(session.search(query, k)))
    terminal.passages(passages, as_json=json)


@app.command()
def tokens(text: str, vllm_url: VllmUrl = None, json: Json = False) -> None:
    """Show how the model that vLLM serves cuts a text into tokens."""
    from chatbot.apps import terminal
    from chatbot.engines.vllm_server import build_engine

    models = build_engine(settings.load(vllm_url=vllm_url).vllm).models
    terminal.tokens(asyncio.run(models.tokens(text)), as_json=json)


@app.command()
def doctor(json: Json = False) -> None:
    """Check everything the product needs, and say what to do about what is missing."""
    from chatbot.apps import doctor as checks

    raise typer.Exit(0 if checks.report(settings.load(), as_json=json) else 1)


@app.command()
def plan(
    model: Annotated[str, typer.Argument(help="A model's folder, or its id on the hub, such as Qwen/Qwen3-8B.")],
    gpu_memory: Annotated[float, typer.Option(help="Memory of one GPU in GB.")] = 24,
    gpus: Annotated[int | None, typer.Option(help="GPUs at hand [as many as are needed].")] = None,
    context: Annotated[int, typer.Option(help="Longest conversation in tokens.")] = 8192,
    users: Annotated[int, typer.Option(help="People who wait for an answer at the same moment.")] = 50,
    json: Json = False,
) -> None:
    """Say whether a language model fits your GPUs, and how to start vLLM with it."""
    from chatbot.apps import plan as rendering
    from chatbot.engines.planner import plan as planner
    from chatbot.engines.planner.value import Wish

    rendering.report(planner.plan(model, Wish(gpu_memory, context, users, gpus)), as_json=json)


@app.command(name="settings")
def show_settings(json: Json = False) -> None:
    """List every setting with its value."""
    from chatbot.apps import terminal

    terminal.settings(settings.load(), as_json=json)


def main() -> None:
    """Run a command; an error is one line on stderr: 2 is the user's to mend, 1 is ours."""
    # for Chroma, which would call home; set before it is imported
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]  # it may stand behind any command
    debug = len(arguments) < len(sys.argv) - 1
    try:
        app(_with_address(arguments))
    except SystemExit as ended:
        if ended.code == _TYPER_INTERRUPTED:
            _say("interrupted; what was done is kept")
        sys.exit(1 if ended.code == _TYPER_INTERRUPTED else ended.code)
    except ChatbotError as error:
        if debug:
            raise
        _say(f"error: {error}")
        sys.exit(2 if isinstance(error, UserError) else 1)
    except Exception as error:  # noqa: BLE001  the last border: nobody should meet a traceback
        if debug:
            raise
        if isinstance(error, UnicodeEncodeError) and (unknown := next(filterfalse(_is_text, arguments), "")):
            _say(f"error: {unknown!r} is no UTF-8, and cannot be sent or kept; write it in UTF-8, or rename the file")
            sys.exit(2)
        _say(f"error: {type(error).__name__}: {error}; run again with --debug and report it")
        sys.exit(1)


def _is_text(argument: str) -> bool:
    """False where the shell gave bytes that are none."""
    return not any("\ud800" <= sign <= "\udfff" for sign in argument)


def _with_address(arguments: list[str]) -> list[str]:
    """`--ray` alone means this machine; typer knows no option whose value may be left out."""
    following = [*arguments[1:], ""]
    return [
        "--ray=local" if argument == "--ray" and not _ADDRESS.fullmatch(next_) else argument
        for argument, next_ in zip(arguments, following, strict=True)
    ]


def _with_session(command: str, act: Callable[[Session], T], read_built_in: bool = True) -> T:
    configured = settings.load()
    from chatbot.apps.session import connect

    if not (configured.data_dir / "catalogue.sqlite").exists():
        _say("first use here: preparing the encoder")
    with connect(configured, command, _say, read_built_in) as session:
        return act(session)


def _say(line: str) -> None:
    print(harmless(line), file=sys.stderr)  # noqa: T201


async def _ask(session: Session, query: Query, json: bool, stream: bool) -> Answer:
    from chatbot.apps import terminal
    from chatbot.schema import Completed, Failed

    async with aclosing(session.answer(query)) as events:
        async for event in events:
            if stream:
                terminal.event(event, as_json=json)
            if isinstance(event, Failed):
                raise from_code(event.code, event.message, event.retry_after_s)
            if isinstance(event, Completed):
                if not stream:
                    terminal.answer(event.answer, as_json=json)
                return event.answer
    raise InternalError("the answer broke off; ask again")


task_command.add_to(app, _with_session)
document_commands.add_to(app, _say)
verify_command.add_to(app, _say)
eval_command.add_to(app, _say)


if __name__ == "__main__":
    main()

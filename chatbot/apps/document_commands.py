"""`chatbot sync` and `chatbot documents`: what brings documents in, and what says how far each is."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from chatbot import settings
from chatbot.errors import ChatbotError, SettingsError
from chatbot.reports import StoredState
from chatbot.settings import Settings

if TYPE_CHECKING:
    from chatbot.apps.session import DocumentSession
    from chatbot.knowledge.syncing.pace import Pace
    from chatbot.reports import DocumentReport

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Say = Callable[[str], None]
"""Prints a line on stderr."""

Begin = Callable[["DocumentSession", "Pace"], "Iterator[DocumentReport]"]

_STATES: tuple[StoredState, ...] = get_args(StoredState)


def add_to(app: typer.Typer, say: Say) -> None:
    """Give the command line its commands."""

    @app.command()
    def sync(
        paths: Annotated[
            list[str] | None, typer.Argument(help="Folders, files, pages or sitemaps (https://...); none refreshes all sources.")
        ] = None,
        collection: Annotated[str, typer.Option("--collection", "-c", help="Collection for the paths [documents].")] = "",
        json: Json = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")] = False,
        remove: Annotated[bool, typer.Option("--remove", help="Forget the paths and their documents; files stay.")] = False,
        ray: Annotated[
            str | None,
            typer.Option(metavar="[ADDRESS]", help="Read and encode on a Ray cluster, by default one of this machine."),
        ] = None,
        watch: Annotated[bool, typer.Option("--watch", help="Go on, and sync again whenever a file changes.")] = False,
    ) -> None:
        """Bring the knowledge in step with files and pages. Exit code 1 where something failed that may yet be read."""
        if remove and (not paths or dry_run or collection or watch or ray):
            raise SettingsError("--remove takes one or more paths, and neither --dry-run, --watch, --ray nor --collection")
        if watch and (json or dry_run or ray):
            raise SettingsError("--watch takes neither --json nor --dry-run nor --ray")
        configured = settings.load()
        given = [_absolute(path) for path in paths or []]
        if watch:
            _watch(configured, given, collection, say)
            return

        def begin(session: DocumentSession, pace: Pace) -> Iterator[DocumentReport]:
            return session.remove(given, pace) if remove else session.sync(given, collection, dry_run, pace, ray=ray or "")

        raise typer.Exit(_sync(configured, begin, say, as_json=json, dry_run=dry_run))

    @app.command()
    def documents(
        state: Annotated[list[str], typer.Option("--state", "-s", help=f"{', '.join(_STATES)}; may be given again.")] = [],  # noqa: B006  typer copies it
        collection: Annotated[str, typer.Option("--collection", "-c", help="Only of this collection.")] = "",
        json: Json = False,
    ) -> None:
        """List the documents, each with its state, its chunks and, where something is amiss, the reason."""
        from chatbot.apps import terminal
        from chatbot.apps.session import connect_documents

        wanted: list[StoredState] = [known for known in _STATES if known in state]
        if unknown := sorted(set(state) - set(_STATES)):
            raise SettingsError(f"--state {unknown[0]!r}: there is no such state; there are: {', '.join(_STATES)}")
        with connect_documents(settings.load(), "documents", say) as session:
            terminal.documents(session.stored(wanted, collection), as_json=json)


def _sync(configured: Settings, begin: Begin, say: Say, *, as_json: bool, dry_run: bool) -> int:
    from chatbot.apps import sync_line, terminal
    from chatbot.apps.session import connect_documents
    from chatbot.knowledge.syncing.pace import Pace

    if not (configured.data_dir / "catalogue.sqlite").exists():
        say("first use here: preparing the encoder")
    pace = Pace()
    with connect_documents(configured, "sync", say) as session, sync_line.shown(pace.now, quiet=as_json) as erase:
        has_failed = terminal.sync(begin(session, pace), pace.now, as_json, dry_run, erase)
        if said := sync_line.resplit(pace.now()):
            say(f"{'would be: ' if dry_run else ''}{said}")
        return int(has_failed)


def _watch(configured: Settings, paths: Sequence[str], collection: str, say: Say) -> None:
    """Sync in rounds; between them the data directory is free for other commands."""
    from chatbot.apps import sync_line, terminal
    from chatbot.apps.session import connect_documents
    from chatbot.knowledge.sources import watch
    from chatbot.knowledge.syncing.pace import Pace

    if any("://" in path for path in paths):
        raise SettingsError("--watch is for folders and files: no page tells that it changed; sync pages now and then")
    places = list(paths)
    rounds = watch.rounds(lambda: places, threading.Event(), but_not=str(configured.data_dir.resolve()))
    try:
        for number, _ in enumerate(rounds):
            try:
                with connect_documents(configured, "sync", say) as session:
                    if not paths:
                        places = session.places()
                    pace = Pace()
                    # a file that was saved is no reason to ask for pages
                    reports = session.sync(paths, collection, pace=pace, pages=number == 0)
                    terminal.round_of_a_watch(reports, is_first=number == 0)
                    if said := sync_line.resplit(pace.now()):
                        say(said)
            except ChatbotError as error:
                if number == 0:
                    raise
                say(f"warning: {error}; watching goes on")
    except KeyboardInterrupt:
        say("no longer watching; what was done is kept")


def _absolute(path: str) -> str:
    if "://" in path or not path:
        return path
    # a process with another working directory may be the one that reads it
    return os.path.join(os.getcwd(), os.path.expanduser(path))

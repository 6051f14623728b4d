"""`chatbot serve`: binds the port, answers at once, and opens, syncs and loads the web chat while it says how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from chatbot import __version__
from chatbot.apps import api, documents_api, openai_api, problems, sync_api, tasks_api, uploads_api, verify_api
from chatbot.apps.admission import Admission
from chatbot.apps.headers import SecurityHeaders
from chatbot.apps.hosts import AllowedHosts
from chatbot.apps.page import FrontPage, load_page
from chatbot.apps.state import Progress, ServerState
from chatbot.apps.sync_line import line, resplit
from chatbot.bootstrap import Application, freeze
from chatbot.errors import ChatbotError, SyncStopped, UserError
from chatbot.knowledge.reading import reader
from chatbot.knowledge.sources import watch
from chatbot.knowledge.store import ownership
from chatbot.knowledge.store.ownership import Owner
from chatbot.knowledge.syncing.pace import Pace
from chatbot.reports import DocumentReport
from chatbot.settings import LOOPBACK, Settings

_STANDING = {"refused", "failed"}
"""States that a document has again at every sync, until somebody mends it."""

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]

_CONNECTIONS = 500
"""Open at once, idle or half open ones too: each costs a file, and a process commonly has 1,024."""

_log = logging.getLogger(__name__)

_NEXT_WORD_S = 5

Say = Callable[[str], None]
"""Prints a line to whoever started the server."""


def serve(settings: Settings, say: Say) -> None:
    """Run until stopped.

    Raises:
        ChatbotError: the data directory is served already, the port is taken, or the application could not be opened.
    """
    # the lock before the port: a second server on the directory asks for the same port as well
    if (owner := ownership.find(settings.data_dir)) and owner.command == "serve":
        raise ownership.in_use(settings.data_dir, owner)
    listener = _bind(settings.host, settings.port)
    port = listener.getsockname()[1]
    url = _url(settings.host, port)
    state = ServerState(token=secrets.token_urlsafe(32))
    failure: list[Exception] = []

    async def start(stack: AsyncExitStack) -> None:
        try:
            await _start(settings, state, url, app.state.page, stack, say)
        except Exception as error:  # noqa: BLE001  raised again when the server has stopped
            failure.append(error)
            server.should_exit = True

    def stop() -> None:
        state.stopping.set()
        state.pace.stop()
        if state.progress.phase in {"starting", "syncing"}:
            say("stopping; the step at hand is finished first")
        app.state.page.close()

    app = build(settings, state, start)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
    )
    server = _Server(config, stop)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # how it is meant to end, whatever broke because of it
        return
    if failure:
        raise failure[0]


class _Server(uvicorn.Server):
    """Calls `stop` first: open tabs and a sync must be let go, for uvicorn waits for every stream before it ends."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop()
        await super().shutdown(sockets)


def build(settings: Settings, state: ServerState, start: Callable[[AsyncExitStack], Coroutine[Any, Any, None]]) -> FastAPI:
    """The ASGI application; `start` runs beside the requests and may put what must be closed on the stack."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            starting = asyncio.create_task(start(stack))
            yield
            state.stopping.set()
            await starting  # its threads must be done before the stores they use are closed

    app = FastAPI(title="chatbot", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.server = state
    app.state.page = FrontPage()
    allowed = [*LOOPBACK, "[::1]", settings.host, f"[{settings.host}]", *settings.allowed_hosts]
    app.add_middleware(AllowedHosts, names=allowed)
    app.add_middleware(Admission)
    app.add_middleware(SecurityHeaders)  # outermost, so that refusals have them too
    problems.install(app)
    app.include_router(api.router)
    app.include_router(openai_api.router)
    app.include_router(tasks_api.router)
    app.include_router(documents_api.router)
    app.include_router(sync_api.router)
    app.include_router(verify_api.router)
    app.include_router(uploads_api.router)
    app.add_route("/v1/{rest:path}", problems.no_route, _METHODS, include_in_schema=False)
    app.mount("/", app.state.page)
    return app


async def _start(settings: Settings, state: ServerState, url: str, page: FrontPage, stack: AsyncExitStack, say: Say) -> None:
    say(f"chatbot is starting at {url}")
    if not (settings.data_dir / "catalogue.sqlite").exists():
        say("first start here: preparing the embedding model, then reading the documents; about half a minute")
    try:
        application = await asyncio.to_thread(Application, settings, "serve")
    except ChatbotError as error:
        state.progress = Progress(phase="failed", message=str(error))
        raise
    stack.callback(application.close)
    await stack.enter_async_context(application.engine.open())
    looking = asyncio.create_task(_look(application, say))
    stack.callback(looking.cancel)
    application.announce(Owner(pid=os.getpid(), command="serve", url=url, token=state.token, engine=settings.engine))
    renewing = asyncio.create_task(_renewed(application, say))
    stack.callback(renewing.cancel)
    state.application = application
    with contextlib.suppress(SyncStopped):
        await asyncio.to_thread(_first_sync, application, state, say)
    if state.stopping.is_set():
        return
    state.progress = Progress(ready=True, phase="ready")
    say(f"ready: API at {url}/v1, web chat in a moment")
    page.attach(await load_page(application, stack))
    freeze()
    state.progress = Progress(ready=True, phase="ready", page=True)
    say(f"open {url} in a browser; Ctrl+C stops")
    if settings.watch:
        await asyncio.to_thread(_watch, application, state, say)


async def _look(application: Application, say: Say) -> None:
    """Say which engine answers; one whose server is away may come later, so it keeps nothing from starting."""
    about = application.engine.about
    try:
        say(f"engine: {await about() if about else application.settings.engine}")
    except ChatbotError as error:
        say(f"warning: {error}; until then questions end with this message")
    except Exception:  # noqa: BLE001  nobody waits for this task, who would hear of it
        _log.exception("the engine could not be looked at")


async def _renewed(application: Application, say: Say) -> None:
    """Say why the indexes are built anew, and when they are."""
    indexes = application.indexes
    if indexes.trouble:
        say(f"{indexes.trouble}: the indexes are being built anew, and search goes on meanwhile")
        await asyncio.to_thread(indexes.wait)
    if indexes.trouble or indexes.rebuilt:
        say(f"warning: {indexes.trouble}" if indexes.trouble else f"indexes rebuilt: {indexes.rebuilt}")


def _first_sync(application: Application, state: ServerState, say: Say) -> None:
    changed, next_word = 0, time.monotonic() + _NEXT_WORD_S
    state.progress = Progress(phase="syncing")
    for report in application.sync((), pace=state.pace, pages=False):
        if state.stopping.is_set():
            return
        state.progress = Progress(phase="syncing", message=report.source)
        changed += report.state in {"added", "changed", "partly"}
        if report.state in {"failed", "partly"} or (report.state == "refused" and reader.supported(report.source)):
            say(f"  {report.state}: {report.collection}/{report.source}: {report.reason}")
        if time.monotonic() > next_word:
            say(f"  {line(state.pace.now())}")
            next_word = time.monotonic() + _NEXT_WORD_S
    if said := resplit(state.pace.now()):
        say(said)
    held = application.catalogue.collections()
    listed = ", ".join(f"{name} ({number})" for name, number in sorted(held.items())) or "none yet: run `chatbot sync PATH`"
    say(f"documents: {listed}; {changed} new or changed")


def _watch(application: Application, state: ServerState, say: Say) -> None:
    """Sync whenever something changed, until the server ends."""
    places, data_dir = application.corpus.places, str(application.settings.data_dir.resolve())
    for _ in watch.rounds(places, state.stopping, but_not=data_dir):
        pace = state.pace = Pace()
        try:
            changed = [each for each in application.sync((), pace=pace, pages=False) if each.state != "unchanged"]
        except SyncStopped:
            return
        except ChatbotError as error:
            say(f"warning: {error}; watching goes on")
        except Exception:  # noqa: BLE001  one round's mishap does not end the watch
            _log.exception("a sync failed; watching goes on")
        else:
            _say_what_changed(changed, say)
            if said := resplit(pace.now()):
                say(said)


def _say_what_changed(reports: Sequence[DocumentReport], say: Say) -> None:
    counts = Counter(each.state for each in reports if each.state not in _STANDING)
    if counts:
        say("watch: " + ", ".join(f"{number} {state}" for state, number in counts.most_common()))


def _url(host: str, port: int) -> str:
    """Where this machine reaches the server; every address includes the loopback one."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # the address is named already
        raise UserError(
            f"port {port} on {host} cannot be used: {reason}; stop what uses it, or choose another with --port"
        ) from error

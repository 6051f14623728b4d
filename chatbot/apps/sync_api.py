"""Sync over HTTP, for the command line of whoever owns the data directory: what it did and how far it is, a JSON value a line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from chatbot.apps import wire
from chatbot.apps.api import Opened, owner_only
from chatbot.apps.problems import failed
from chatbot.apps.state import ServerState
from chatbot.bootstrap import Application
from chatbot.errors import SyncStopped
from chatbot.knowledge.syncing.pace import Pace

_TICK_S = 1.0
"""How often a sync that has nothing to report says how far it is; whoever left is noticed then too."""

router = APIRouter()


class SyncRequest(BaseModel, extra="forbid"):
    paths: tuple[str, ...] = ()
    """Absolute paths; none means every registered source."""
    collection: str = ""
    dry_run: bool = False
    pages: bool = True
    """False leaves the web alone where all sources are meant."""
    ray: str = ""
    """Address of a cluster that does the work."""
    remove: bool = False
    """Remove the paths instead; the other fields do not matter then."""


@router.post("/v1/sync", dependencies=[Depends(owner_only)], include_in_schema=False)
async def sync(body: SyncRequest, application: Opened, request: Request) -> StreamingResponse:
    """Sync as the command line does: reports, between them `progress`; an `error` event ends it early.

    A client that leaves stops the sync after the step it is at.
    """
    return streamed(application, body, request.app.state.server)


def streamed(application: Application, body: SyncRequest, state: ServerState) -> StreamingResponse:
    """A sync's reports and progress, a JSON value a line."""
    pace = Pace()
    return StreamingResponse(_streamed(_reports(application, body, pace), pace, state), media_type="application/x-ndjson")


def _reports(application: Application, body: SyncRequest, pace: Pace) -> Generator[str]:
    try:
        if body.remove:
            reports = application.remove(body.paths, pace)
        else:
            reports = application.sync(body.paths, body.collection, body.dry_run, pace, body.pages, ray=body.ray)
        for report in reports:
            yield wire.json_line(report.model_dump_json())
        yield wire.json_line(pace.now().model_dump_json())  # what it comes to
    except Exception as error:  # noqa: BLE001  the last border: without a word it would look as if the process had died
        yield wire.json_line(failed(error).model_dump_json())


async def _streamed(reports: Generator[str], pace: Pace, state: ServerState) -> AsyncGenerator[str]:
    line = asyncio.ensure_future(asyncio.to_thread(next, reports, None))
    try:
        while not state.stopping.is_set():
            if not (await asyncio.wait({line}, timeout=_TICK_S))[0]:
                yield wire.json_line(pace.now().model_dump_json())
            elif (text := line.result()) is None:
                return
            else:
                yield text
                line = asyncio.ensure_future(asyncio.to_thread(next, reports, None))
        # without a word it would look as if the sync had come to its end
        stopped = SyncStopped(
            "the server is ending, and the sync with it; what was done is kept, and the next one goes on from there"
        )
        yield wire.json_line(failed(stopped).model_dump_json())
    finally:
        pace.stop()
        # a sync that is left suspended would keep every other one waiting; one that is at work comes to a stop first
        line.add_done_callback(lambda _: reports.close())

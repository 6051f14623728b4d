"""Verification over HTTP, for the command line of whoever owns the data directory: one finding a line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import closing

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import iterate_in_threadpool

from chatbot.apps import wire
from chatbot.apps.api import Opened, owner_only
from chatbot.apps.problems import failed
from chatbot.bootstrap import Application

router = APIRouter()


class VerifyRequest(BaseModel, extra="forbid"):
    repair: bool = False


@router.post("/v1/verify", dependencies=[Depends(owner_only)], include_in_schema=False)
async def verify(body: VerifyRequest, application: Opened) -> StreamingResponse:
    """Verify as the command line does; an `error` event ends it early."""
    return StreamingResponse(_in_threads(_findings(application, body)), media_type="application/x-ndjson")


async def _in_threads(lines: Generator[str]) -> AsyncGenerator[str]:
    with closing(lines):  # a verification that is left suspended would keep every sync waiting
        async for line in iterate_in_threadpool(lines):
            yield line


def _findings(application: Application, body: VerifyRequest) -> Generator[str]:
    try:
        for found in application.verify(body.repair):
            yield wire.json_line(found.model_dump_json())
    except Exception as error:  # noqa: BLE001  the last border: without a word it would look as if the process had died
        yield wire.json_line(failed(error).model_dump_json())

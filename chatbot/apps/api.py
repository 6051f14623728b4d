"""The HTTP API: questions, passages and health. Routes parse, call the application once, and render."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from chatbot.apps import event_stream
from chatbot.apps.event_stream import chained
from chatbot.apps.state import ServerState
from chatbot.bootstrap import Application
from chatbot.flow.pipeline import last_answer
from chatbot.sampling import Sampling
from chatbot.schema import Answer, AnswerEvent, Message, Passage, Query

router = APIRouter()


class AnswerRequest(BaseModel, extra="forbid"):
    question: str = Field(examples=["What is nucleus sampling?"])
    history: tuple[Message, ...] = Field((), max_length=100)
    collections: tuple[str, ...] = Field((), max_length=100)
    sampling: Sampling | None = None
    """For an engine that writes; laid over the configured one."""
    stream: bool = False


class SearchRequest(BaseModel, extra="forbid"):
    text: str = Field(examples=["nucleus sampling"])
    k: int = Field(10, ge=1, le=100)
    history: tuple[Message, ...] = Field((), max_length=100)
    collections: tuple[str, ...] = Field((), max_length=100)


class SearchResponse(BaseModel):
    passages: list[Passage]


def opened(request: Request) -> Application:
    """The application, or 503 while it is being opened."""
    state: ServerState = request.app.state.server
    if state.application is None:
        raise HTTPException(503, state.progress.message or "still starting; /readyz says how far", {"Retry-After": "2"})
    return state.application


def owner_only(request: Request) -> None:
    """Routes that read files need the one-time token from the lock file."""
    state: ServerState = request.app.state.server
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not secrets.compare_digest(given.encode(), state.token.encode()):
        raise HTTPException(401, "this route needs the token in the data directory's lock file", {"WWW-Authenticate": "Bearer"})


Opened = Annotated[Application, Depends(opened)]


@router.post("/v1/answers", response_model=Answer, responses={200: {"content": {"text/event-stream": {}}}})
async def answers(body: AnswerRequest, application: Opened) -> Response:
    """Answer a question: an `Answer`, or with `stream` its events as Server-Sent Events named by their type."""
    fields = body.model_dump(include={"history", "collections", "sampling"}, exclude_none=True)
    events = application.answer(Query(text=body.question, **fields))
    if body.stream:
        return event_stream.response(await begun(events))
    return Response((await last_answer(events)).model_dump_json(), media_type="application/json")


@router.post("/v1/search")
async def search(body: SearchRequest, application: Opened) -> SearchResponse:
    """Find passages, with the scores of each stage."""
    query = Query(text=body.text, history=body.history, collections=body.collections)
    return SearchResponse(passages=await application.search(query, body.k))


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """200 once the first sync is done; before that 503 and how far it is."""
    progress = request.app.state.server.now()
    return JSONResponse(progress.model_dump(), 200 if progress.ready else 503)


async def begun(events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[AnswerEvent]:
    """Wait for the first event, so that a bad question still has a status of its own, and give back the whole stream.

    Raises:
        UserError: see `Pipeline.answer`.
    """
    return chained(await anext(events), events)

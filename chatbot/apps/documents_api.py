"""The documents over HTTP: which there are, and how far each is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from chatbot.apps.api import Opened
from chatbot.reports import StoredDocument, StoredState

_MOST = 1000

router = APIRouter(prefix="/v1/documents")


class DocumentList(BaseModel):
    documents: list[StoredDocument]
    total: int
    """Of those asked for, on all pages."""


@router.get("")
async def documents(
    application: Opened,
    state: Annotated[list[StoredState], Query()] = [],  # noqa: B006  FastAPI copies it
    collection: str = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
) -> DocumentList:
    """Every document with its state, by collection and path; a live one may stand beside a newer one that is on its way."""
    found = await run_in_threadpool(application.stored, state, collection)
    return DocumentList(documents=found[offset : offset + limit], total=len(found))

"""Documents brought and taken over HTTP: files, pages and sitemaps, each with its verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from chatbot.apps.api import Opened
from chatbot.apps.same_origin import may_change
from chatbot.apps.sync_api import SyncRequest, streamed
from chatbot.bootstrap import Application
from chatbot.errors import DocumentRefused
from chatbot.knowledge.fetching import urls
from chatbot.knowledge.sources.collections import LOOSE
from chatbot.reports import DocumentReport

_MOST_FILES = 50

router = APIRouter(prefix="/v1/documents", dependencies=[Depends(may_change)])


class PageRequest(BaseModel, extra="forbid"):
    url: str = Field(max_length=8000, examples=["https://example.org/page", "https://example.org/sitemap.xml"])
    collection: str = Field("", max_length=64)
    """By default where the page is already, and for a new one `documents`."""


class Verdicts(BaseModel):
    documents: list[DocumentReport]


class Place(BaseModel):
    """A source that can be removed here, or whose documents can."""

    collection: str
    location: str
    kind: Literal["uploads", "web"]
    names: list[str] = []
    """Of the uploaded files."""


class Places(BaseModel):
    sources: list[Place]


@router.get("/sources")
async def sources(application: Opened) -> Places:
    """Folders of uploads, pages and sitemaps."""
    return Places(sources=await run_in_threadpool(lambda: list(_places(application))))


@router.post("", openapi_extra={"requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}})
async def upload(request: Request, application: Opened, collection: str = LOOSE) -> Verdicts:
    """Take the files of a form, 50 MiB in all, into a collection and read them at once; the answer is a verdict on each.

    A file of a name that was uploaded before replaces it. Names that are not safe everywhere are changed.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(415, "send the files as multipart/form-data")
    folder = application.uploads.folder(collection)
    async with request.form(max_files=_MOST_FILES, max_fields=_MOST_FILES) as form:
        files = [sent for _, sent in form.multi_items() if isinstance(sent, UploadFile)]
        if not files:
            raise HTTPException(400, "there is no file in the form; send one or more under any field name")
        return Verdicts(documents=await run_in_threadpool(_take, application, collection, str(folder), files))


@router.post("/pages", response_model=None, responses={200: {"content": {"application/x-ndjson": {}}}})
async def add_page(body: PageRequest, application: Opened, request: Request) -> StreamingResponse:
    """Fetch a page, or the pages of a sitemap, and keep them as a source: one JSON verdict a line; leaving stops it."""
    if not urls.looks_like_one(body.url):  # a path would be read from this machine's disk
        raise HTTPException(400, f"{urls.shown(body.url)} is no URL; write it like https://example.org/page")
    return streamed(application, SyncRequest(paths=(body.url,), collection=body.collection), request.app.state.server)


@router.delete("/{name:path}")
async def remove(name: str, application: Opened) -> Verdicts:
    """Remove an uploaded file, a page or a sitemap, by `collection/name` as the list of documents has it."""
    collection, _, source = name.partition("/")
    return Verdicts(documents=await run_in_threadpool(_remove, application, collection, source))


def _places(application: Application) -> Iterator[Place]:
    for source in application.catalogue.sources():
        if application.uploads.holds(source.location):
            names = application.uploads.names(source.collection)
            yield Place(collection=source.collection, location=source.location, kind="uploads", names=names)
        elif urls.looks_like_one(source.location):
            yield Place(collection=source.collection, location=source.location, kind="web")


def _take(application: Application, collection: str, folder: str, files: Sequence[UploadFile]) -> list[DocumentReport]:
    names: set[str] = set()
    not_kept: list[DocumentReport] = []
    for sent in files:
        given = sent.filename or ""
        try:
            names.add(application.uploads.receive(collection, given, sent.file).name)
        except DocumentRefused as error:
            not_kept.append(DocumentReport(source=given, collection=collection, state="refused", reason=str(error)))
        except OSError as error:  # the others of the form may still find room, and those before are to be read in any case
            reason = f"cannot be stored: {error.strerror}; make room on the server's disk, or mend its data directory"
            not_kept.append(DocumentReport(source=given, collection=collection, state="failed", reason=reason))
    reports = list(application.sync([folder], collection)) if names else []
    return [*not_kept, *(report for report in reports if report.source in names)]


def _remove(application: Application, collection: str, path: str) -> list[DocumentReport]:
    catalogue = application.catalogue
    mine = [source for source in catalogue.sources() if source.collection == collection]
    if any(source.location == path for source in mine):
        return list(application.remove([path]))
    holding = [source for source in mine if path in catalogue.versions(source) or path in catalogue.unfinished(source)]
    for source in holding:
        if application.uploads.holds(source.location):
            application.uploads.remove(collection, path)
            return [report for report in application.sync([source.location]) if report.source == path]
    if holding:
        where = holding[0].location
        raise HTTPException(409, f"it comes with {where}; delete it there and sync, or `chatbot sync --remove {where}`")
    raise HTTPException(404, f"there is no document {path[:200]!r} in {collection[:80]!r}")

"""Errors over HTTP: a status and the same one clear sentence that the command line prints, as problem details (RFC 9457)."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chatbot.apps.headers import HEADERS
from chatbot.errors import (
    ChatbotError,
    ClusterUnavailable,
    DatabaseUnavailable,
    DataDirectoryError,
    EngineBroke,
    EngineBusy,
    EngineTimedOut,
    EngineUnavailable,
    IndexUnavailable,
    InternalError,
    KeyRefused,
    ModelNotServed,
    OutputInvalid,
    UnknownCollection,
    UnknownDocument,
    UnknownTask,
    UserError,
    first_mistake,
)
from chatbot.flow import pipeline
from chatbot.schema import Failed

_log = logging.getLogger(__name__)


_STATUS: Mapping[type[ChatbotError], int] = {
    UnknownCollection: 404,
    UnknownDocument: 404,
    UnknownTask: 404,
    UserError: 400,
    DataDirectoryError: 500,  # whoever asks can free no disk of the server's
    # whoever asks can mend none of these: between us and the engine's server something is set wrong, or slow, or broken
    KeyRefused: 502,
    ModelNotServed: 502,
    EngineBroke: 502,
    OutputInvalid: 502,
    EngineTimedOut: 504,
    EngineUnavailable: 503,
    DatabaseUnavailable: 503,
    IndexUnavailable: 503,
    ClusterUnavailable: 503,
}
"""The nearest class above an error counts."""

_RETRY_AFTER_S = 2


class Trouble(NamedTuple):
    """What there is to say of an error, before it takes a shape."""

    status: int
    detail: str
    headers: Mapping[str, str] | None = None
    code: str = ""
    """Name of our error's class; empty where the framework raised it."""


def trouble(error: Exception) -> Trouble:
    """404 for what does not exist, 400 and 422 for the asker's other mistakes, 502 to 504 where the engine's server does not
    answer as it should, 500 for ours, which the log then explains."""
    if isinstance(error, ChatbotError):
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
        retry = error.retry_after_s if isinstance(error, EngineBusy) else None
        headers = {"Retry-After": str(math.ceil(retry or _RETRY_AFTER_S))} if status == 503 else None
        return Trouble(status, str(error), headers, type(error).__name__)
    if isinstance(error, RequestValidationError):
        return Trouble(422, first_mistake(error.errors(), inside=1))
    if isinstance(error, HTTPException):
        return Trouble(error.status_code, str(error.detail), error.headers)
    _log.error("a request failed", exc_info=error)
    return Trouble(500, "something of ours failed; the server's log says what")


def failed(error: Exception) -> Failed:
    """The last event of a stream whose status is sent already."""
    told = error if isinstance(error, ChatbotError) else InternalError(trouble(error).detail)
    return pipeline.failed(told)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, code: str = "") -> JSONResponse:
    """One problem document; `code` is a field of our own, for programs."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body |= {"code": code} if code else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every error of the API with a problem document."""

    def answer(_request: Request, error: Exception) -> JSONResponse:
        return problem(*trouble(error))

    def answer_unforeseen(_request: Request, error: Exception) -> JSONResponse:
        # this one is answered outside all middleware, so it brings the headers itself
        return problem(*trouble(error)[:2], HEADERS)

    for kind in (ChatbotError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(Exception, answer_unforeseen)


def no_route(request: Request) -> JSONResponse:
    """Answers what the API does not have; without it the web chat would."""
    return problem(404, f"there is no {request.method} {request.url.path}; /openapi.json lists what there is")

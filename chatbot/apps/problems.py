"""Errors over HTTP: problem details (RFC 9457) with the same one clear sentence that the command line prints."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chatbot.apps.headers import HEADERS
from chatbot.errors import ChatbotError, UnknownCollection, UserError

_log = logging.getLogger(__name__)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """One problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def status_of(error: ChatbotError) -> int:
    """404 for what does not exist, 400 for the asker's other mistakes, 500 for ours."""
    if isinstance(error, UnknownCollection):
        return 404
    return 400 if isinstance(error, UserError) else 500


def install(app: FastAPI) -> None:
    """Answer every error of the API with a problem document."""

    @app.exception_handler(ChatbotError)
    def _ours(_request: Request, error: ChatbotError) -> JSONResponse:
        return problem(status_of(error), str(error))

    @app.exception_handler(RequestValidationError)
    def _body(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return problem(422, f"{place}: {first['msg']}")

    @app.exception_handler(HTTPException)
    def _http(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    def _unexpected(_request: Request, error: Exception) -> JSONResponse:
        _log.error("a request failed", exc_info=error)
        # this one is answered outside all middleware, so it brings the headers itself
        return problem(500, "something of ours failed; the server's log says what", HEADERS)


def no_route(request: Request) -> JSONResponse:
    """Answers what the API does not have; without it the web chat would."""
    return problem(404, f"there is no {request.method} {request.url.path}; /openapi.json lists what there is")

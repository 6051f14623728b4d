"""What is let in: bodies and headers of a sane size, sent in a sane time, and no more questions at once than can be answered.

Plain ASGI, outermost but for the security headers. Source of the limits: OWASP API Security Top 10 (2023), API4, "unrestricted
resource consumption".
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.apps.problems import problem

MAX_BODY = 2 * 2**20
"""Bytes: the longest history, with every character escaped."""

MAX_UPLOAD = 51 * 2**20
"""Bytes: the largest file that is read, and what stands around it."""

MAX_HEADERS = 64 * 2**10

BODY_S = 30.0
"""Seconds from the request's head to the end of its body; of an upload, between two pieces of it."""

UPLOAD_S = 900.0

MAX_QUESTIONS = 256
"""Answered or waiting at once. An engine that quotes answers so many in a few seconds on two cores; one that writes streams each
for seconds, nearly all of them waiting for its server. `benchmarks/engine saturation` shows both with 128."""

_QUESTIONS = {"/v1/answers", "/v1/chat/completions", "/v1/search"}
_TASKS = "/v1/tasks/"
_UPLOADS = "/v1/documents"
_WITH_BODY = {"POST", "PUT", "PATCH"}
_CLOSE = {"Connection": "close"}
"""What is left of the body must not be read as the next request."""


class Admission:
    """Refuses with 408, 413, 431 or 503, and stops working for a client that left."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._questions = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
            await problem(431, f"the headers have more than {MAX_HEADERS // 2**10} KiB")(scope, receive, send)
        elif scope["method"] == "POST" and (scope["path"] in _QUESTIONS or scope["path"].startswith(_TASKS)):
            await self._question(scope, receive, send)
        elif scope["method"] == "POST" and scope["path"] == _UPLOADS:
            await self._app(scope, _Upload(receive), send)
        elif scope["method"] in _WITH_BODY:
            async with _Body(receive) as body:
                await self._app(scope, body, send)
        else:
            await self._app(scope, receive, send)

    async def _question(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._questions >= MAX_QUESTIONS:
            busy = problem(
                503, f"{MAX_QUESTIONS} questions are being answered already; ask again in a moment", {"Retry-After": "2"}
            )
            await busy(scope, receive, send)
            return
        self._questions += 1
        try:
            async with _Body(receive) as body:
                await self._while_wanted(scope, body, send)
        finally:
            self._questions -= 1

    async def _while_wanted(self, scope: Scope, body: _Body, send: Send) -> None:
        """An answer that nobody waits for any more must not keep the others waiting."""
        answering = asyncio.ensure_future(self._app(scope, body, send))
        leaving = asyncio.ensure_future(body.left.wait())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not answering.done():
                answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering


class _Upload:
    """The messages of a request that may be large: counted and timed, and read no sooner than they are wanted."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self._ends = time.monotonic() + UPLOAD_S
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(min(BODY_S, self._ends - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "the upload came too slowly, or stopped; send it again", _CLOSE) from None
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > MAX_UPLOAD:
            raise HTTPException(413, f"the upload has more than {MAX_UPLOAD // 2**20} MiB; send less at once", _CLOSE)
        return message


class _Body:
    """A request's messages, counted and timed. It reads ahead, for only so is a client that leaves noticed at once.

    Receiving raises `HTTPException` with 408 or 413, which every route answers in its own shape.
    """

    def __init__(self, receive: Receive) -> None:
        self.left = asyncio.Event()
        self._receive = receive
        self._messages: asyncio.Queue[Message | HTTPException] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Body:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def __call__(self) -> Message:
        message = await self._messages.get()
        if isinstance(message, HTTPException):
            raise message
        return message

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(BODY_S):
                await self._read_body()
        except TimeoutError:
            self._messages.put_nowait(HTTPException(408, f"the body did not come within {BODY_S:.0f} seconds", _CLOSE))
        except HTTPException as refused:
            self._messages.put_nowait(refused)
        else:
            await self._wait_for_the_end()

    async def _read_body(self) -> None:
        size, more = 0, True
        while more:
            message = await self._receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                raise HTTPException(413, f"the body has more than {MAX_BODY // 2**20} MiB", _CLOSE)
            more = message["type"] == "http.request" and message.get("more_body", False)
            self._pass_on(message)

    async def _wait_for_the_end(self) -> None:
        while not self.left.is_set():
            self._pass_on(await self._receive())

    def _pass_on(self, message: Message) -> None:
        self._messages.put_nowait(message)
        if message["type"] == "http.disconnect":
            self.left.set()

"""One pooled HTTP client to a vLLM server: deadlines, retries before the first byte, and a close that reaches the server.

aiohttp, not httpx: its parser is written in C, and `readany` gives all that has arrived, so that tokens which came together
cost one turn of the event loop. Its errors become ours here.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
from pydantic_core import from_json, to_json

from chatbot.engines import vllm_errors
from chatbot.engines.deadlines import Clock
from chatbot.errors import (
    BadParameter,
    ChatbotError,
    EngineBroke,
    EngineBusy,
    EngineUnavailable,
    EngineUnreachable,
)
from chatbot.sections import DeadlineSettings, VllmSettings

_CONNECTIONS = 1024
_IDLE_S = 4
"""A second less than the server's own patience with an idle connection (VLLM_HTTP_TIMEOUT_KEEP_ALIVE, 5 s): what is older may
be closed while a question is on its way."""
_MAX_BODY = 32 * 1024 * 1024
_BACKOFF_S = 0.25
_LONGEST_WAIT_S = 10
"""A server that asks to come back later than this is not waited for."""


class ByteStream:
    """The body of one response."""

    def __init__(self, response: aiohttp.ClientResponse, clock: Clock, deadlines: DeadlineSettings) -> None:
        self._response = response
        self._clock = clock
        self._deadlines = deadlines
        self._has_told = False
        self._waited_s = 0.0
        """Since it last told something."""

    def told(self) -> None:
        """To be called when what was read is an event: a comment that keeps a connection alive is no token."""
        self._has_told, self._waited_s = True, 0.0

    async def read(self) -> bytes:
        """All that has come, after waiting for something; empty at the end.

        Raises:
            EngineTimedOut: nothing was told in time.
            EngineBroke: the connection was lost.
        """
        if self._has_told:
            left = self._deadlines.between_tokens_s - self._waited_s
            limit = self._clock.limit("give the next token", self._deadlines.between_tokens_s, left)
        else:
            left = self._clock.left(self._deadlines.first_token_s)
            limit = self._clock.limit("give a first token", self._deadlines.first_token_s, left)
        begun = time.monotonic()
        async with limit:
            piece = await _reading(self._response)
        self._waited_s += time.monotonic() - begun
        return piece

    async def rest(self, seconds: float) -> None:
        """Wait, and leave what comes meanwhile in the socket: then it takes one turn of the event loop and not one a token."""
        if seconds <= 0:
            return
        connection = self._response.connection
        protocol = connection.protocol if connection else None  # none once the last byte was read
        if protocol:
            protocol.pause_reading()
        await asyncio.sleep(seconds)
        if protocol:
            protocol.resume_reading()


class VllmHttp:
    """Inside `async with` all requests of the same event loop share a pool of connections; any other has one of its own."""

    def __init__(self, settings: VllmSettings) -> None:
        self._settings = settings
        self._pools: dict[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, int]] = {}
        """With the number of those who opened it: a connection belongs to the event loop that made it."""

    async def __aenter__(self) -> VllmHttp:
        loop = asyncio.get_running_loop()
        pool, users = self._pools.get(loop) or (self._session(), 0)
        self._pools[loop] = (pool, users + 1)
        return self

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        pool, users = self._pools.pop(loop)
        if users > 1:
            self._pools[loop] = (pool, users - 1)
        else:
            await pool.close()

    async def get(self, path: str) -> Any:
        """JSON of a GET; errors as for `post`."""
        return await self._whole("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """JSON of a POST.

        Raises:
            EngineUnavailable: unreachable, too slow or busy, after the retries.
            UserError: the server refused key, model or parameters.
            EngineBroke: the answer was cut, or is not JSON.
        """
        return await self._whole("POST", path, body)

    @asynccontextmanager
    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[ByteStream]:
        """The answer to a POST, to be read as it comes. Leaving the context closes the connection.

        Raises:
            ChatbotError: as for `post`; nothing is retried once bytes have come.
        """
        clock = Clock(self._settings.deadlines)
        async with self._response("POST", path, body, clock) as response:
            yield ByteStream(response, clock, self._settings.deadlines)

    async def _whole(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        clock = Clock(self._settings.deadlines)
        total_s = self._settings.deadlines.total_s
        async with self._response(method, path, body, clock) as response, clock.limit("answer", total_s, clock.left(total_s)):
            read = await _all(response)
        try:
            return from_json(read)
        except ValueError as error:
            raise EngineBroke(f"{self._settings.url} answered {path} with something that is not JSON; is it vLLM?") from error

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, body: Mapping[str, Any] | None, clock: Clock
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """A response with status 200."""
        pool, _ = self._pools.get(asyncio.get_running_loop(), (None, 0))
        session = pool or self._session()
        try:
            response = await self._asked(session, method, path, body, clock)
            try:
                yield response
            finally:
                # nothing goes back to the pool that was not read to its end: this is what aborts the server's work
                response.close()
        finally:
            if session is not pool:
                await session.close()

    async def _asked(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Mapping[str, Any] | None, clock: Clock
    ) -> aiohttp.ClientResponse:
        data = None if body is None else _written(body)
        streamed = body is not None and body.get("stream")
        seconds = self._settings.deadlines.first_token_s if streamed else self._settings.deadlines.total_s
        async with clock.limit("give a first token" if streamed else "answer", seconds, seconds):
            for attempt in range(self._settings.retries + 1):
                try:
                    return await self._once(session, method, path, data)
                except EngineUnavailable as error:
                    wait = _wait(error, attempt)
                    patience = min(_LONGEST_WAIT_S, clock.left(seconds), clock.left(self._settings.deadlines.total_s))
                    if attempt == self._settings.retries or wait > patience:
                        raise
                await asyncio.sleep(wait)
        raise AssertionError("the loop returns or raises")

    async def _once(self, session: aiohttp.ClientSession, method: str, path: str, data: bytes | None) -> aiohttp.ClientResponse:
        try:
            response = await self._sent(session, method, path, data)
        except aiohttp.ConnectionTimeoutError as error:
            seconds = self._settings.deadlines.connect_s
            raise EngineUnreachable(f"{self._settings.url} did not accept a connection within {seconds:g} s{_HINT}") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise EngineUnreachable(f"the certificate of {self._settings.url} is not trusted on this machine") from error
        except aiohttp.ClientSSLError as error:
            raise EngineUnreachable(f"{self._settings.url} does not speak TLS; is it http://?") from error
        except (aiohttp.ClientConnectionError, aiohttp.InvalidURL, UnicodeError) as error:  # the last: no name of a host
            raise EngineUnreachable(f"nothing answers at {self._settings.url} ({_why(error)}){_HINT}") from error
        except aiohttp.ClientError as error:
            raise EngineBroke(f"{self._settings.url} does not speak HTTP ({_why(error)}); is the address right?") from error
        if response.status == 200:
            return response
        try:
            raise vllm_errors.refusal(response.status, await _all(response), response.headers)
        finally:
            response.close()

    async def _sent(self, session: aiohttp.ClientSession, method: str, path: str, data: bytes | None) -> aiohttp.ClientResponse:
        request = partial(
            session.request, method, self._settings.url + path, data=data, headers=self._headers(), allow_redirects=False
        )
        try:
            return await request()
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # it closed a connection that was idle while the question was on its way; a second one tells whether it is there
            return await request()

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_IDLE_S),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._settings.deadlines.connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    def _headers(self) -> dict[str, str]:
        key = self._settings.api_key.get_secret_value()
        return {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}


_HINT = "; start the server, or set CHATBOT_VLLM__URL to its address"


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return to_json(body)
    except ValueError as error:
        raise BadParameter("a text holds half a surrogate pair, which has no UTF-8; send it without") from error


async def _reading(response: aiohttp.ClientResponse) -> bytes:
    """All that has arrived; waits for something, and is empty at the end."""
    try:
        return await response.content.readany()
    except aiohttp.ClientError as error:
        raise EngineBroke("the vLLM server broke off in the middle of an answer; ask again") from error


async def _all(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    while piece := await _reading(response):
        read += piece
        if len(read) > _MAX_BODY:
            raise EngineBroke(f"the server's answer is longer than {_MAX_BODY:,} bytes; is it vLLM?")
    return bytes(read)


def _wait(error: ChatbotError, attempt: int) -> float:
    """Seconds before the next attempt: as asked, else twice as long each time; some are spread, so that not all come at once."""
    asked = error.retry_after_s if isinstance(error, EngineBusy) else None
    return (_BACKOFF_S * 2**attempt if asked is None else asked) * random.uniform(1, 1.25)


def _why(error: Exception) -> str:
    system = getattr(error, "os_error", error)
    number = getattr(system, "errno", None)
    # asyncio writes its own words over the system's
    return os.strerror(number) if number and number > 0 else str(error) or type(error).__name__

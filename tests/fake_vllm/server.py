"""HTTP/1.1 by hand, so that every byte and every fault is under control.

It has what clients of vLLM use: keep-alive, request bodies with a length, chunked replies.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple, Self, cast

from . import script as scripts
from .script import Answer, End, Flood, Head, Pace, Pause, Raw, Script, Send, Step


class Request(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    """The JSON; None where there was none."""
    at_s: float
    """On the monotonic clock, which all processes of a machine share."""


class Aborted(NamedTuple):
    """A completion whose client left before its end."""

    at_s: float
    """When the connection was lost, on the monotonic clock."""
    tokens: int
    """Sent by then."""
    question: str
    """The last message's end, to tell requests apart."""


class FakeVllm:
    """Listens on a free port of this machine while entered."""

    def __init__(
        self,
        script: Script | Sequence[Script] = Answer(),  # noqa: B008  a frozen value
        *,
        model: str = "fake",
        adapters: Sequence[str] = ("fake-adapter",),
        max_model_len: int = 2048,
        api_key: str = "",
        port: int = 0,
    ) -> None:
        self.script: Script | Sequence[Script] = script
        """What the next completions get. Of several, each request uses up the first, and the last one stays."""
        self.model, self.adapters, self.max_model_len, self.api_key = model, adapters, max_model_len, api_key
        self.requests: list[Request] = []
        self.completions = 0
        """Asked for so far. Unlike `requests` it is kept when `remember` is False."""
        self.remember = True
        self.running = 0
        """Completions that are being answered now."""
        self.aborted: list[Aborted] = []
        self.tokens = 0
        """Sent so far, by all completions."""
        self.connections: set[_Connection] = set()
        """Open now."""
        self.accepted = 0
        """Connections since the start."""
        self.closing = False
        self._ticks: dict[float, _Tick] = {}
        self._port = port

    @property
    def url(self) -> str:
        """Without /v1."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self._port, backlog=512)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closing = True
        self._server.close()
        for connection in list(self.connections):
            connection.drop()
        await self._server.wait_closed()
        while self.connections or self.running:
            await asyncio.sleep(0)

    def drop_idle(self) -> None:
        """Close every connection that has no request, as uvicorn does after five seconds."""
        for connection in list(self.connections):
            connection.drop_if_idle()

    def tick(self, gap_s: float) -> _Tick:
        """The one timer of all streams of this speed."""
        return self._ticks.setdefault(gap_s, _Tick(gap_s))

    def reply(self, request: Request) -> list[Step]:
        """What to do about a request, faults included."""
        path = request.path.partition("?")[0]
        if path.startswith("/v1/") and self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return scripts.unauthorized().steps("", 0, {})
        match request.method, path:
            case "GET", "/health":
                return [Head(length=0, content_type="")]
            case "GET", "/v1/models":
                return scripts.document(200, self._models())
            case "GET", "/metrics":
                return scripts.document(200, self._metrics(), "text/plain; version=1.0.0; charset=utf-8")
            case "GET", "/stats":
                return scripts.document(200, self._stats())
            case "POST", "/tokenize":
                return self._tokenize(request.body or {})
            case "POST", "/v1/chat/completions":
                return self._complete(request.body or {})
            case _:
                return scripts.document(404, {"detail": "Not Found"})

    def _complete(self, body: Mapping[str, Any]) -> list[Step]:
        model = body.get("model") or self.model
        if model not in {self.model, *self.adapters}:
            return scripts.not_served(model, self.model).steps(model, 0, body)
        if (count := count_tokens(body)) > self.max_model_len:
            return scripts.too_long(self.max_model_len).steps(model, 0, body)
        if not isinstance(self.script, Sequence):
            return self.script.steps(model, count, body)
        current, *rest = self.script
        self.script = rest or [current]
        return current.steps(model, count, body)

    def _tokenize(self, body: Mapping[str, Any]) -> list[Step]:
        count = count_tokens(body)
        strings = [str(place) for place in range(count)] if body.get("return_token_strs") else None
        tokens = {"count": count, "max_model_len": self.max_model_len, "tokens": list(range(count)), "token_strs": strings}
        return scripts.document(200, tokens)

    def _models(self) -> dict[str, Any]:
        def card(name: str, **fields: Any) -> dict[str, Any]:
            shared = {"id": name, "object": "model", "created": scripts.CREATED, "owned_by": "vllm"}
            return {
                **shared,
                "root": f"/models/{name}",
                "parent": None,
                "max_model_len": None,
                "permission": [_PERMISSION],
                **fields,
            }

        adapters = [card(name, parent=self.model) for name in self.adapters]
        return {"object": "list", "data": [card(self.model, max_model_len=self.max_model_len), *adapters]}

    def _metrics(self) -> bytes:
        cached = self.script.cached_tokens if isinstance(self.script, Answer) else 0
        values = {
            "num_requests_running": ("gauge", self.running),
            "num_requests_waiting": ("gauge", 0),
            "kv_cache_usage_perc": ("gauge", 0.0),
            "generation_tokens_total": ("counter", self.tokens),
            "prefix_cache_queries_total": ("counter", sum(count_tokens(each.body) for each in self.requests if each.body)),
            "prefix_cache_hits_total": ("counter", (cached or 0) * self.completions),
        }
        label = f'{{engine="0",model_name="{self.model}"}}'
        lines = [f"# TYPE vllm:{name} {kind}\nvllm:{name}{label} {float(value)}\n" for name, (kind, value) in values.items()]
        return "".join(lines).encode()

    def _stats(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "completions": self.completions,
            "tokens": self.tokens,
            "connections": len(self.connections) - 1,
            "accepted": self.accepted - 1,
            "aborted": [each._asdict() for each in self.aborted],
            "cpu_s": time.process_time(),
        }


_PERMISSION = {"id": "modelperm-0f1e2d3c", "object": "model_permission", "created": scripts.CREATED, "allow_create_engine": False,
               "allow_sampling": True, "allow_logprobs": True, "allow_search_indices": False, "allow_view": True,
               "allow_fine_tuning": False, "organization": "*", "group": None, "is_blocking": False}  # fmt: skip


def count_tokens(body: Mapping[str, Any]) -> int:
    """Of a prompt or of messages: a quarter of the bytes, and four for each message's frame."""
    if "prompt" in body:
        return math.ceil(len(str(body["prompt"]).encode()) / 4)
    return sum(4 + math.ceil(len(str(message.get("content")).encode()) / 4) for message in body.get("messages", ()))


class _Connection(asyncio.Protocol):
    def __init__(self, server: FakeVllm) -> None:
        self._server = server
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by descent
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.connections.add(self)
        self._server.accepted += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next()

    def eof_received(self) -> None:
        """A client that has left; nothing more is flushed to it."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._writable.set()
        if self._task:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def drop(self) -> None:
        self._transport.abort()

    def drop_if_idle(self) -> None:
        if self._task is None:
            self._transport.close()

    def _next(self) -> None:
        if self._task is None and (request := self._parsed()):
            self._keep = request.headers.get("connection", "").lower() != "close"
            self._task = asyncio.get_running_loop().create_task(self._respond(request))
            self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()):
            self._transport.abort()
            raise error
        if not self._keep:
            self._transport.close()
        if not self._transport.is_closing():
            self._next()

    def _parsed(self) -> Request | None:
        head, end, _ = bytes(self._buffer).partition(b"\r\n\r\n")
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        begin = len(head) + 4
        length = int(headers.get("content-length", 0))
        if len(self._buffer) < begin + length:
            return None
        body = bytes(self._buffer[begin : begin + length])
        del self._buffer[: begin + length]
        method, path, _ = first.split(" ")
        return Request(method, path, headers, json.loads(body) if body else None, time.monotonic())

    async def _respond(self, request: Request) -> None:
        server = self._server
        if server.remember and request.path != "/stats":
            server.requests.append(request)
        if request.path != "/v1/chat/completions":
            await _Reply(self._transport, self._writable, server).play(server.reply(request))
            return
        server.completions += 1
        server.running += 1
        reply = _Reply(self._transport, self._writable, server)
        try:
            await reply.play(server.reply(request))
        except asyncio.CancelledError:
            messages = (request.body or {}).get("messages") or [{}]
            if not server.closing:
                server.aborted.append(Aborted(time.monotonic(), reply.tokens, str(messages[-1].get("content", ""))[-200:]))
            raise
        finally:
            server.running -= 1


class _Reply:
    """Plays the steps of one reply."""

    def __init__(self, transport: asyncio.Transport, writable: asyncio.Event, server: FakeVllm) -> None:
        self._transport, self._writable, self._server = transport, writable, server
        self._chunked = False
        self.tokens = 0

    async def play(self, steps: Sequence[Step]) -> None:
        together = bytearray()  # what no pause parts goes out in one write, as from a busy server
        for place, step in enumerate(steps):
            if isinstance(step, Send | Head | Raw):
                together += self._bytes(step)
                following = steps[place + 1] if place + 1 < len(steps) else None
                if isinstance(step, Send) and step.kind == "other" and isinstance(following, Send):
                    await self._write(together)  # a piece that was cut is a write of its own
                continue
            await self._write(together)
            if isinstance(step, End):
                self._end(step)
                return
            await self._wait(step)
        if self._chunked:
            together += b"0\r\n\r\n"
        await self._write(together)

    def count(self, tokens: int) -> None:
        """Tokens that have gone out."""
        self.tokens += tokens
        self._server.tokens += tokens

    def _bytes(self, step: Send | Head | Raw) -> bytes:
        if isinstance(step, Raw):
            return step.data
        if isinstance(step, Head):
            self._chunked = step.length is None
            return _head(step)
        self.count(step.tokens)
        return scripts.chunk(step.data) if self._chunked and step.data else step.data

    async def _write(self, data: bytearray) -> None:
        if data:
            self._transport.write(bytes(data))
            data.clear()
            await asyncio.sleep(0)  # a client in the same loop gets its turn
            await self._writable.wait()

    async def _wait(self, step: Pace | Pause | Flood) -> None:
        if isinstance(step, Pace):
            await self._server.tick(step.gap_s).serve(self._transport, step.frames, self)
        elif isinstance(step, Flood):
            data, done = scripts.chunk(step.data) if self._chunked else step.data, 0
            while done < step.times:
                await self._write(bytearray(data))
                self.count(step.tokens)
                done += 1
        elif step.seconds == math.inf:
            await asyncio.get_running_loop().create_future()
        else:
            await asyncio.sleep(step.seconds)

    def _end(self, step: End) -> None:
        if step.clean:
            self._transport.write(b"0\r\n\r\n")
            return
        if step.reset:
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.close()


def _head(step: Head) -> bytes:
    lines = [f"HTTP/1.1 {step.status} {HTTPStatus(step.status).phrase}", "date: Sun, 22 Nov 2026 09:00:00 GMT", "server: uvicorn"]
    if step.content_type:
        lines.append(f"content-type: {step.content_type}")
    lines += [f"{name}: {value}" for name, value in step.headers]
    lines.append("transfer-encoding: chunked" if step.length is None else f"content-length: {step.length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _Stream:
    def __init__(self, transport: asyncio.Transport, frames: Sequence[bytes], reply: _Reply) -> None:
        self.transport, self.frames, self.reply = transport, frames, reply
        self.sent = 0
        self.begun = time.monotonic()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Tick:
    """One timer for every stream of a speed. A stream that a late tick left behind gets its tokens together, as from a batch."""

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._streams: set[_Stream] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def serve(self, transport: asyncio.Transport, frames: Sequence[bytes], reply: _Reply) -> None:
        """Write all frames at the tick's speed, the first now."""
        stream = _Stream(transport, frames, reply)
        self._streams.add(stream)
        try:
            self._feed(stream, time.monotonic())
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(self._gap_s, self._turn)
            with suppress(ConnectionError):
                await stream.done
        finally:
            self._streams.discard(stream)

    def _turn(self) -> None:
        now = time.monotonic()
        for stream in list(self._streams):
            self._feed(stream, now)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._gap_s, self._turn) if self._streams else None

    def _feed(self, stream: _Stream, now: float) -> None:
        due = min(len(stream.frames), int((now - stream.begun) / self._gap_s) + 1)
        if due > stream.sent:
            frames = stream.frames[stream.sent : due]
            stream.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
            stream.reply.count(due - stream.sent)
            stream.sent = due
        if stream.sent == len(stream.frames) and not stream.done.done():
            stream.done.set_result(None)

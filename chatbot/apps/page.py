"""What "/" serves: a page that waits while documents are read, then the web chat. It knows nothing of either's inside."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import AsyncExitStack
from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.bootstrap import Application

_STARTING = Path(__file__).parent / "static" / "starting.html"

# Gradio's routes that take, fetch or give files; nothing here needs them
_REFUSED = re.compile(r"/+(?:gradio_api/+)?(?:upload|dev/|proxy=|file=)")

_GRADIOS_OWN = re.compile(rb"""\s*<(?:meta\s+(?:property|name)="(?:og|twitter):|link rel="manifest")[^>]*>""")
_NO_LOGO = (
    b'<style>[data-testid="status-tracker"] svg { display: none; }</style></head>'  # it turns before our own style is there
)


class FrontPage:
    """An ASGI app that stands in for the web chat until there is one."""

    def __init__(self) -> None:
        self._inner: ASGIApp = self._starting
        self._closing = asyncio.Event()

    def attach(self, inner: ASGIApp) -> None:
        """From now on, `inner` answers."""
        self._inner = inner

    def close(self) -> None:
        """Tell every open stream that its client left: each open tab holds one, and a server waits for them before it ends."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_or_leave() -> Message:
            listening, leaving = asyncio.ensure_future(receive()), asyncio.ensure_future(self._closing.wait())
            try:
                await asyncio.wait({listening, leaving}, return_when=asyncio.FIRST_COMPLETED)
                return listening.result() if listening.done() else {"type": "http.disconnect"}
            finally:
                listening.cancel()
                leaving.cancel()

        if scope["type"] == "http" and _REFUSED.match(scope["path"]):
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send)
            return
        await self._inner(scope, receive_or_leave if scope["type"] == "http" else receive, send)

    async def _starting(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] == "/":
            page = HTMLResponse(_STARTING.read_text(encoding="utf-8"), headers={"cache-control": "no-store"})
            await page(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send)


class Unbranded:
    """Takes out of "/" the tags and the logo by which Gradio presents the page as its own; there is no option for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        started: Message = {}
        body = bytearray()

        async def send_cleaned(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                cleaned = _GRADIOS_OWN.sub(b"", body).replace(b"</head>", _NO_LOGO, 1)
                MutableHeaders(scope=started)["content-length"] = str(len(cleaned))
                await send(started)
                await send({"type": "http.response.body", "body": cleaned})

        plain = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
        await self._app({**scope, "headers": plain}, receive, send_cleaned)


async def load_page(application: Application, stack: AsyncExitStack) -> ASGIApp:
    """Build the web chat, which takes seconds; it is shut down when `stack` closes."""
    page = await asyncio.to_thread(_build, application)
    await stack.enter_async_context(page.router.lifespan_context(page))
    return Unbranded(page)


def _build(application: Application) -> FastAPI:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read while Gradio is imported
    import gradio

    from chatbot.apps import web

    page = FastAPI(openapi_url=None)
    return gradio.mount_gradio_app(page, web.build(application), path="/", **web.mount_options())

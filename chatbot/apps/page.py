"""What "/" serves: a page that waits while documents are read, then the web chat. It knows nothing of either's inside."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.bootstrap import Application

_STARTING = Path(__file__).parent / "static" / "starting.html"


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

        await self._inner(scope, receive_or_leave if scope["type"] == "http" else receive, send)

    async def _starting(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] == "/":
            page = HTMLResponse(_STARTING.read_text(encoding="utf-8"), headers={"cache-control": "no-store"})
            await page(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send)


async def load_page(application: Application, stack: AsyncExitStack) -> ASGIApp:
    """Build the web chat, which takes seconds; it is shut down when `stack` closes."""
    page = await asyncio.to_thread(_build, application)
    await stack.enter_async_context(page.router.lifespan_context(page))
    return page


def _build(application: Application) -> FastAPI:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read while Gradio is imported
    import gradio

    from chatbot.apps import web

    page = FastAPI(openapi_url=None)
    return gradio.mount_gradio_app(page, web.build(application), path="/", **web.mount_options())

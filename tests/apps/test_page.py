"""page: "/" answers from the first moment, and hands over once the web chat is there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator

import httpx
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Message

from chatbot.apps.page import FrontPage


def _client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def test_before_the_chat_is_there_a_waiting_page_polls() -> None:
    async with _client(FrontPage()) as client:
        response = await client.get("/")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert "/readyz" in response.text


async def test_the_waiting_page_asks_nobody_else() -> None:
    async with _client(FrontPage()) as client:
        page = (await client.get("/")).text

    assert re.findall(r"https?://|(?:src|href)=(?!\"data:,\")", page) == []


async def test_before_the_chat_is_there_other_paths_are_not_found() -> None:
    async with _client(FrontPage()) as client:
        assert (await client.get("/config")).status_code == 404
        assert (await client.post("/")).status_code == 404


async def test_an_attached_app_answers_everything() -> None:
    page = FrontPage()
    page.attach(PlainTextResponse("inner"))
    async with _client(page) as client:
        assert (await client.get("/")).text == "inner"
        assert (await client.get("/config")).text == "inner"


async def test_a_closing_page_ends_streams_that_wait_for_their_client() -> None:
    async def forever() -> AsyncGenerator[str]:
        yield "first"
        await asyncio.Event().wait()

    page = FrontPage()
    page.attach(StreamingResponse(forever()))
    async with asyncio.timeout(5):
        async with asyncio.TaskGroup() as group:
            group.create_task(_get(page))
            await asyncio.sleep(0)
            page.close()


async def _get(app: ASGIApp) -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_message: Message) -> None:
        """Nobody listens."""

    await app({"type": "http", "method": "GET", "path": "/", "headers": []}, receive, send)

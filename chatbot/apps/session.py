"""What a command may do, whoever owns the data directory: this process, or a serving one reached over loopback."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import httpx

from chatbot.bootstrap import open_application
from chatbot.errors import ChatbotError, DataDirectoryError, InternalError, UserError
from chatbot.knowledge import ownership
from chatbot.knowledge.ownership import Owner
from chatbot.knowledge.sync import DocumentReport
from chatbot.schema import AnswerEvent, Passage, Query, answer_event
from chatbot.settings import Settings

_STARTING_S = 300
"""How long to wait for a serving process that is still reading documents."""


class Session(Protocol):
    """`Application` in this process, or `RemoteApplication`."""

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]: ...

    async def search(self, query: Query, k: int) -> list[Passage]: ...

    def sync(self, paths: Sequence[str], collection: str = "", dry_run: bool = False) -> Iterator[DocumentReport]: ...

    def remove(self, paths: Sequence[str]) -> Iterator[DocumentReport]: ...


@contextmanager
def connect(
    settings: Settings, command: str, read_built_in: bool = True, say: Callable[[str], None] = lambda _: None
) -> Generator[Session]:
    """Open the data directory as `open_application` does, or talk to the process that has it open.

    Raises:
        ChatbotError: neither is possible.
    """
    deadline = time.monotonic() + _STARTING_S
    while True:
        owner = ownership.find(settings.data_dir)
        if owner and owner.url:
            yield RemoteApplication(owner)
            return
        with ExitStack() as stack:
            try:
                application = stack.enter_context(open_application(settings, command, read_built_in, say))
            except DataDirectoryError:
                # held by a command that will soon be done, or by a server that has no address yet
                if ownership.find(settings.data_dir) is None or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
                continue
            yield application
            return


class RemoteApplication:
    """The owner's loopback API, with the methods of `Application`."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._options: dict[str, Any] = {
            "base_url": owner.url,
            "headers": {"Authorization": f"Bearer {owner.token}"},
            "timeout": httpx.Timeout(10, read=None),
            "trust_env": False,  # a proxy has no business between two processes of one machine
        }
        self._wait_until_open()

    async def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        """See `Pipeline.answer`."""
        body = {**_query(query), "question": query.text, "stream": True}
        with self._reached():
            async with httpx.AsyncClient(**self._options) as client, client.stream("POST", "/v1/answers", json=body) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise _error(response)
                async for line in response.aiter_lines():
                    if line.startswith("data: "):
                        yield answer_event.validate_json(line.removeprefix("data: "))

    async def search(self, query: Query, k: int) -> list[Passage]:
        """See `Pipeline.search`."""
        with self._reached():
            async with httpx.AsyncClient(**self._options) as client:
                response = await client.post("/v1/search", json={**_query(query), "text": query.text, "k": k})
        if response.status_code != 200:
            raise _error(response)
        return [Passage.model_validate(passage) for passage in response.json()["passages"]]

    def sync(self, paths: Sequence[str], collection: str = "", dry_run: bool = False) -> Iterator[DocumentReport]:
        """See `Application.sync`."""
        return self._synced({"paths": list(paths), "collection": collection, "dry_run": dry_run})

    def remove(self, paths: Sequence[str]) -> Iterator[DocumentReport]:
        """See `Application.remove`."""
        return self._synced({"paths": list(paths), "remove": True})

    def _synced(self, body: dict[str, Any]) -> Iterator[DocumentReport]:
        with (
            self._reached(),
            httpx.Client(**self._options) as client,
            client.stream("POST", "/v1/sync", json=body) as response,
        ):
            if response.status_code != 200:
                response.read()
                raise _error(response)
            for line in response.iter_lines():
                event = json.loads(line)
                if "error" in event:
                    raise UserError(event["error"])
                yield DocumentReport.model_validate(event)

    def _wait_until_open(self) -> None:
        deadline = time.monotonic() + _STARTING_S
        with self._reached(), httpx.Client(**self._options) as client:
            while True:
                state = client.get("/readyz").json()
                if state["ready"]:
                    return
                if state["phase"] == "failed" or time.monotonic() > deadline:
                    raise InternalError(f"the server at {self._owner.url} is not ready: {state['message'] or state['phase']}")
                time.sleep(0.3)

    @contextmanager
    def _reached(self) -> Generator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise InternalError(f"process {self._owner.pid} at {self._owner.url} does not answer: {error}") from error


def _query(query: Query) -> dict[str, Any]:
    return query.model_dump(mode="json", include={"history", "collections"})


def _error(response: httpx.Response) -> ChatbotError:
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError):
        detail = response.text or f"HTTP {response.status_code}"
    return UserError(detail) if response.is_client_error else InternalError(detail)

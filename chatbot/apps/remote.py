"""The process that owns the data directory, reached over loopback: what `Application` does, done there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from chatbot.apps.patience import Patience, Say
from chatbot.apps.wire import Lines, data_of
from chatbot.errors import ChatbotError, InternalError, SettingsError, UserError, from_code
from chatbot.knowledge.store.ownership import Owner
from chatbot.knowledge.syncing.pace import Pace
from chatbot.reports import DocumentReport, StoredDocument, StoredState, SyncProgress, Verified
from chatbot.sampling import Sampling
from chatbot.schema import AnswerEvent, Failed, Passage, Query, answer_event
from chatbot.tasks.events import TaskCard, TaskEvent, task_cards, task_event

_STARTING_S = 300
"""How long to wait for a serving process that is still reading documents."""

_sync_event: TypeAdapter[DocumentReport | SyncProgress | Failed] = TypeAdapter(DocumentReport | SyncProgress | Failed)
_verified: TypeAdapter[Verified | Failed] = TypeAdapter(Verified | Failed)

T = TypeVar("T", DocumentReport | SyncProgress, Verified)


class DoesNotAnswer(InternalError):
    """The owner has an address, and nobody answers there."""


class RemoteApplication:
    """The owner's loopback API, with the methods of `Application`."""

    def __init__(self, owner: Owner, say: Say) -> None:
        """Wait until the owner has read its documents.

        Raises:
            InternalError: it does not answer, or could not start.
        """
        self._owner = owner
        self._options: dict[str, Any] = {
            "base_url": owner.url,
            "headers": {"Authorization": f"Bearer {owner.token}"},
            "timeout": httpx.Timeout(10, read=None),
            "trust_env": False,  # a proxy has no business between two processes of one machine
        }
        self._wait_until_open(Patience(say, _STARTING_S))

    async def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        """See `Pipeline.answer`."""
        async with aclosing(self._streamed("/v1/answers", {**_query(query), "question": query.text})) as events:
            async for data in events:
                yield answer_event.validate_json(data)

    async def search(self, query: Query, k: int) -> list[Passage]:
        """See `Pipeline.search`."""
        with self._reached():
            async with httpx.AsyncClient(**self._options) as client:
                response = await client.post("/v1/search", json={**_query(query), "text": query.text, "k": k})
        if response.status_code != 200:
            raise _error(response)
        return [Passage.model_validate(passage) for passage in response.json()["passages"]]

    def tasks(self) -> list[TaskCard]:
        """See `Tasks.cards`."""
        with self._reached(), httpx.Client(**self._options) as client:
            response = client.get("/v1/tasks")
        if response.status_code != 200:
            raise _error(response)
        return task_cards.validate_python(response.json()["tasks"])

    async def run_task(self, name: str, inputs: Mapping[str, Any], sampling: Sampling | None = None) -> AsyncGenerator[TaskEvent]:
        """See `Tasks.run`."""
        body = {"inputs": inputs, "sampling": sampling.given() if sampling else None}
        async with aclosing(self._streamed(f"/v1/tasks/{quote(name, safe='')}", body)) as events:
            async for data in events:
                yield task_event.validate_json(data)

    async def _streamed(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[str]:
        """The JSON of each Server-Sent Event."""
        with self._reached():
            body = {**body, "stream": True}
            async with httpx.AsyncClient(**self._options) as client, client.stream("POST", path, json=body) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise _error(response)
                lines = Lines()
                async for piece in response.aiter_bytes():
                    for data in filter(None, map(data_of, lines.feed(piece))):
                        yield data

    def sync(
        self,
        paths: Sequence[str],
        collection: str = "",
        dry_run: bool = False,
        pace: Pace | None = None,
        pages: bool = True,
        *,
        ray: str = "",
    ) -> Iterator[DocumentReport]:
        """See `Corpus.sync`. Whoever closes it early stops the sync in the other process too."""
        wanted = {"paths": list(paths), "collection": collection, "dry_run": dry_run, "pages": pages, "ray": ray}
        return self._synced(wanted, pace or Pace())

    def remove(self, paths: Sequence[str], pace: Pace | None = None) -> Iterator[DocumentReport]:
        """See `Corpus.remove`."""
        return self._synced({"paths": list(paths), "remove": True}, pace or Pace())

    def stored(self, states: Sequence[StoredState], collection: str = "") -> list[StoredDocument]:
        """See `Corpus.stored`."""
        found: list[StoredDocument] = []
        with self._reached(), httpx.Client(**self._options) as client:
            while True:
                wanted = {"state": list(states), "collection": collection, "offset": len(found), "limit": 1000}
                response = client.get("/v1/documents", params=wanted)
                if response.status_code != 200:
                    raise _error(response)
                page = response.json()
                found += map(StoredDocument.model_validate, page["documents"])
                if not page["documents"] or len(found) >= page["total"]:
                    return found

    def places(self) -> list[str]:
        """
        Raises:
            SettingsError: always: the other process can watch its own.
        """
        raise SettingsError(
            f"{self._owner} has the data directory open; name the folders to watch, or start it with CHATBOT_WATCH=true"
        )

    def verify(self, repair: bool = False) -> Iterator[Verified]:
        """See `Corpus.verify`."""
        yield from self._told("/v1/verify", {"repair": repair}, _verified)

    def _synced(self, body: dict[str, Any], pace: Pace) -> Iterator[DocumentReport]:
        for event in self._told("/v1/sync", body, _sync_event):
            if isinstance(event, SyncProgress):
                pace.tell(event)
            else:
                yield event

    def _told(self, path: str, body: dict[str, Any], kind: TypeAdapter[T | Failed]) -> Iterator[T]:
        """One JSON value a line."""
        with (
            self._reached(),
            httpx.Client(**self._options) as client,
            client.stream("POST", path, json=body) as response,
        ):
            if response.status_code != 200:
                response.read()
                raise _error(response)
            lines = Lines()
            for piece in response.iter_bytes():
                for event in map(kind.validate_json, lines.feed(piece)):
                    if isinstance(event, Failed):
                        raise from_code(event.code, event.message)
                    yield event

    def _wait_until_open(self, patience: Patience) -> None:
        with self._reached(), httpx.Client(**self._options) as client:
            while not (state := client.get("/readyz").json())["ready"]:
                reading = f", document {state['done']} of {state['total']}" if state["total"] else ""
                if state["phase"] == "failed" or not patience.wait(f"{self._owner}: {state['phase']}{reading}"):
                    raise InternalError(f"the server at {self._owner.url} is not ready: {state['message'] or state['phase']}")

    @contextmanager
    def _reached(self) -> Generator[None]:
        try:
            yield
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            where = f"process {self._owner.pid} at {self._owner.url}"
            raise DoesNotAnswer(f"{where} ended before it had answered; run the command again: what is stored is kept") from error
        except httpx.HTTPError as error:
            raise DoesNotAnswer(f"process {self._owner.pid} at {self._owner.url} does not answer: {error}") from error


def _query(query: Query) -> dict[str, Any]:
    return query.model_dump(mode="json", include={"history", "collections", "sampling"}, exclude_none=True)


def _error(response: httpx.Response) -> ChatbotError:
    try:
        said = response.json()
        if code := said.get("code"):
            return from_code(code, said["detail"])
        detail = said["detail"]
    except (ValueError, KeyError, AttributeError):
        detail = response.text or f"HTTP {response.status_code}"
    return UserError(detail) if response.is_client_error else InternalError(detail)

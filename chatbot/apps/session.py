"""What a command may do, whoever owns the data directory: this process, or a serving one reached over loopback."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing, contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from chatbot.apps.wire import Lines, data_of
from chatbot.errors import ChatbotError, DataDirectoryInUse, InternalError, UserError, from_code
from chatbot.knowledge import ownership
from chatbot.knowledge.ownership import Owner
from chatbot.sampling import Sampling
from chatbot.schema import AnswerEvent, DocumentReport, Failed, Passage, Query, answer_event
from chatbot.settings import Settings, origin
from chatbot.tasks.events import TaskCard, TaskEvent, task_cards, task_event

if TYPE_CHECKING:
    from chatbot.bootstrap import Application

_STARTING_S = 300
"""How long to wait for a serving process that is still reading documents."""
_ENDING_S = 10
"""How long to wait for one that answers no more."""
_FIRST_WORD_S = 2
_NEXT_WORD_S = 10

_report: TypeAdapter[DocumentReport | Failed] = TypeAdapter(DocumentReport | Failed)

Say = Callable[[str], None]
"""Tells the person at the terminal."""

OpenHere = Callable[[], "AbstractContextManager[Application]"]


class Session(Protocol):
    """`Application` in this process, or `RemoteApplication`."""

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]: ...

    async def search(self, query: Query, k: int) -> list[Passage]: ...

    def tasks(self) -> list[TaskCard]: ...

    def run_task(self, name: str, inputs: Mapping[str, Any], sampling: Sampling | None = None) -> AsyncGenerator[TaskEvent]: ...

    def sync(
        self, paths: Sequence[str], collection: str = "", dry_run: bool = False, ray: str = ""
    ) -> Iterator[DocumentReport]: ...

    def remove(self, paths: Sequence[str]) -> Iterator[DocumentReport]: ...


@contextmanager
def connect(settings: Settings, command: str, say: Say, read_built_in: bool = True) -> Generator[Session]:
    """Open the data directory as `open_application` does, or talk to the process that has it open; a longer wait is explained.

    Raises:
        ChatbotError: neither is possible.
    """
    with ExitStack() as stack:

        def open_here() -> AbstractContextManager[Application]:
            from chatbot.bootstrap import open_application  # takes seconds, which a question to another process need not wait

            return open_application(settings, command, read_built_in, say)

        yield _session(settings, open_here, say, stack)


def _session(settings: Settings, open_here: OpenHere, say: Say, stack: ExitStack) -> Session:
    busy, ending = _Patience(say, _STARTING_S), _Patience(say, _ENDING_S)
    while True:
        owner = ownership.find(settings.data_dir)
        try:
            if owner and owner.url:
                remote = RemoteApplication(owner, say)
                if owner.engine and owner.engine != settings.engine and origin("engine") != "default":
                    say(f"note: {owner} answers, with its engine {owner.engine}; stop it to ask {settings.engine}")
                return remote
            return stack.enter_context(open_here())
        except DataDirectoryInUse:
            # by a command that will soon be done, or by a server that has no address yet
            if not busy.wait(f"{owner or 'another process'}, which has the data directory open"):
                raise
        except _DoesNotAnswer:
            # it is about to end, or has ended since it was found
            if not ending.wait(f"{owner}, which does not answer"):
                raise


class _Patience:
    """Waits for another process, and after a moment says for what."""

    def __init__(self, say: Say, at_most_s: float) -> None:
        self._say = say
        self._at_most_s = at_most_s
        self._begun = 0.0
        self._next_word = 0.0
        self._said = ""

    def wait(self, what: str) -> bool:
        """Wait a little for `what`; false when it has been long enough, counted from the first time."""
        now = time.monotonic()
        if not self._begun:
            self._begun, self._next_word = now, now + _FIRST_WORD_S
        if now >= self._next_word and what != self._said:
            self._say(f"waiting for {what}")
            self._said, self._next_word = what, now + _NEXT_WORD_S
        time.sleep(0.2)
        return now < self._begun + self._at_most_s


class _DoesNotAnswer(InternalError):
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
        self._wait_until_open(_Patience(say, _STARTING_S))

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

    def sync(self, paths: Sequence[str], collection: str = "", dry_run: bool = False, ray: str = "") -> Iterator[DocumentReport]:
        """See `Application.sync`."""
        return self._synced({"paths": list(paths), "collection": collection, "dry_run": dry_run, "ray": ray})

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
            lines = Lines()
            for piece in response.iter_bytes():
                for report in map(_report.validate_json, lines.feed(piece)):
                    if isinstance(report, Failed):
                        raise from_code(report.code, report.message)
                    yield report

    def _wait_until_open(self, patience: _Patience) -> None:
        with self._reached(), httpx.Client(**self._options) as client:
            while not (state := client.get("/readyz").json())["ready"]:
                reading = f", document {state['done']} of {state['total']}" if state["total"] else ""
                if state["phase"] == "failed" or not patience.wait(f"{self._owner}: {state['phase']}{reading}"):
                    raise InternalError(f"the server at {self._owner.url} is not ready: {state['message'] or state['phase']}")

    @contextmanager
    def _reached(self) -> Generator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise _DoesNotAnswer(f"process {self._owner.pid} at {self._owner.url} does not answer: {error}") from error


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

"""What a command may do, whoever owns the data directory: this process, or a serving one reached over loopback."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chatbot.apps.patience import Patience, Say
from chatbot.apps.remote import DoesNotAnswer, RemoteApplication
from chatbot.errors import DataDirectoryInUse
from chatbot.knowledge.store import ownership
from chatbot.knowledge.syncing.pace import Pace
from chatbot.reports import DocumentReport, StoredDocument, StoredState, Verified
from chatbot.sampling import Sampling
from chatbot.schema import AnswerEvent, Passage, Query
from chatbot.settings import Settings, origin
from chatbot.tasks.events import TaskCard, TaskEvent

if TYPE_CHECKING:
    from chatbot.bootstrap import Application
    from chatbot.knowledge.corpus import Corpus

_STARTING_S = 300
"""How long to wait for a serving process that is still reading documents."""
_ENDING_S = 10
"""How long to wait for one that answers no more."""

_Here = TypeVar("_Here")


class Session(Protocol):
    """`Application` in this process, or `RemoteApplication`."""

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]: ...

    async def search(self, query: Query, k: int) -> list[Passage]: ...

    def tasks(self) -> list[TaskCard]: ...

    def run_task(self, name: str, inputs: Mapping[str, Any], sampling: Sampling | None = None) -> AsyncGenerator[TaskEvent]: ...


class DocumentSession(Protocol):
    """`Corpus` in this process, or `RemoteApplication`: what can be done with documents without encoder and engine."""

    def sync(
        self,
        paths: Sequence[str],
        collection: str = "",
        dry_run: bool = False,
        pace: Pace | None = None,
        pages: bool = True,
        *,
        ray: str = "",
    ) -> Iterator[DocumentReport]: ...

    def remove(self, paths: Sequence[str], pace: Pace | None = None) -> Iterator[DocumentReport]: ...

    def stored(self, states: Sequence[StoredState], collection: str = "") -> list[StoredDocument]: ...

    def places(self) -> list[str]: ...

    def verify(self, repair: bool = False) -> Iterator[Verified]: ...


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


@contextmanager
def connect_documents(settings: Settings, command: str, say: Say) -> Generator[DocumentSession]:
    """As `connect`, without encoder and engine; indexes are opened where something has to be written.

    Raises:
        ChatbotError: neither is possible.
    """
    with ExitStack() as stack:

        @contextmanager
        def open_here() -> Generator[Corpus]:
            from chatbot.knowledge.corpus import Corpus

            with Corpus(settings, command) as corpus:
                yield corpus
                if command == "sync":
                    corpus.settle(say)

        yield _session(settings, open_here, say, stack)


def _session(
    settings: Settings, open_here: Callable[[], AbstractContextManager[_Here]], say: Say, stack: ExitStack
) -> _Here | RemoteApplication:
    busy, ending = Patience(say, _STARTING_S), Patience(say, _ENDING_S)
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
        except DoesNotAnswer:
            # it is about to end, or has ended since it was found
            if not ending.wait(f"{owner}, which does not answer"):
                raise

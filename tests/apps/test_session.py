"""A session is the same whoever owns the data directory: this process, or one reached over loopback."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conftest import furnish, write
from fakes import TOKEN, ScriptedApplication, ScriptedEngine, passage, scripted_server, serving
from fastapi import FastAPI
from starlette.responses import JSONResponse, StreamingResponse

from chatbot import settings
from chatbot.apps.remote import RemoteApplication
from chatbot.apps.session import connect
from chatbot.apps.state import Progress
from chatbot.bootstrap import Application
from chatbot.errors import DataDirectoryError, DataDirectoryInUse, InternalError, UserError
from chatbot.knowledge.store.ownership import Owner, Ownership, find
from chatbot.knowledge.syncing.pace import Pace
from chatbot.reports import DocumentReport
from chatbot.schema import Completed, DeltaReleased, Failed, Message, Query
from chatbot.settings import Settings

FILES = {"kitchen/kettle.md": "# Kettle\n\nThe blue kettle holds four litres of water and whistles when it boils.\n"}
QUESTION = Query(text="How much water does the blue kettle hold?")

LINE_ENDS = "one\x85two\u2028three\u2029four\u000bfive"
"""A passage as PDF and office files have them; `str.splitlines` cuts it in five."""

Serve = Callable[[FastAPI], RemoteApplication]


def _silent(_line: str) -> None:
    """Nobody is at the terminal."""


def _reach(owner: Owner) -> RemoteApplication:
    return RemoteApplication(owner, _silent)


def _owner(url: str, token: str = TOKEN) -> Owner:
    return Owner(pid=os.getpid(), command="serve", url=url, token=token)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Application]:
    folder = tmp_path_factory.mktemp("session")
    settings = Settings(data_dir=furnish(folder / "data", models), knowledge=write(folder / "knowledge", FILES))
    with Application(settings, "pytest") as application:
        for _ in application.sync(()):
            pass
        yield application


@pytest.fixture(scope="module")
def remote(local: Application) -> Iterator[RemoteApplication]:
    """The same application, reached over HTTP."""
    with serving(scripted_server(local)) as url:
        yield _reach(_owner(url))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves an app for the length of a test, and talks to it."""
    with ExitStack() as stack:
        yield lambda app: _reach(_owner(stack.enter_context(serving(app))))


async def _events(session: Any, query: Query = QUESTION) -> list[Any]:
    return [event async for event in session.answer(query)]


async def test_an_answer_is_the_same_here_and_there(local: Application, remote: RemoteApplication) -> None:
    here, there = await _events(local), await _events(remote)

    assert [event.type for event in there] == [event.type for event in here]
    assert isinstance(here[-1], Completed)
    assert isinstance(there[-1], Completed)
    assert there[-1].answer.text == here[-1].answer.text
    assert there[-1].answer.citations == here[-1].answer.citations
    assert there[-1].answer.passages == here[-1].answer.passages


async def test_passages_are_the_same_here_and_there(local: Application, remote: RemoteApplication) -> None:
    assert await remote.search(QUESTION, 3) == await local.search(QUESTION, 3)


def test_a_sync_reports_the_same_here_and_there(local: Application, remote: RemoteApplication, tmp_path: Path) -> None:
    paths = [str(write(tmp_path / "docs", {"a.md": "# A\n\nA new document about pans.", "b.xyz": "?"}))]

    pace = Pace()
    there = list(remote.sync(paths, "new", dry_run=True, pace=pace))

    assert pace.now().total == 2, "what it came to is told at the end"
    assert all(isinstance(report, DocumentReport) for report in there)
    assert [(report.source, report.state) for report in there] == [("a.md", "added"), ("b.xyz", "refused")]
    assert there == list(local.sync(paths, "new", dry_run=True))


async def test_text_with_any_line_end_travels(serve: Serve) -> None:
    application = ScriptedApplication(ScriptedEngine(pieces=[LINE_ENDS, " [1]"]), [passage(LINE_ENDS)])
    application.reports = [DocumentReport(source=f"{LINE_ENDS}.md", collection="c", state="added")]
    remote = serve(scripted_server(application))

    last = (await _events(remote))[-1]

    assert isinstance(last, Completed)
    assert last.answer.text.startswith(LINE_ENDS)
    assert last.answer.passages == (passage(LINE_ENDS),)
    assert await remote.search(QUESTION, 1) == [passage(LINE_ENDS)]
    assert await asyncio.to_thread(list, remote.sync(())) == application.reports


def test_a_path_is_removed_over_there(remote: RemoteApplication, tmp_path: Path) -> None:
    paths = [str(write(tmp_path / "docs", {"a.md": "# A\n\nA new document about ladles."}))]

    list(remote.sync(paths, "ladles"))

    assert [(report.source, report.state) for report in remote.remove(paths)] == [("a.md", "removed")]
    with pytest.raises(UserError, match="is not registered"):
        list(remote.remove(paths))


async def test_history_and_collections_travel() -> None:
    application = ScriptedApplication(ScriptedEngine())
    history = (Message(role="user", content="Which kettle?"), Message(role="assistant", content="The blue one."))
    with serving(scripted_server(application)) as url:
        await _events(_reach(_owner(url)), Query(text="How big?", history=history, collections=("handbook",)))

    (query, _, _) = application.retrieve.calls[0]
    assert (query.text, query.history, query.collections) == ("How big?", history, ("handbook",))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (Query(text=" "), "the question is empty"),
        (Query(text="x" * 4001), "4,001 characters"),
        (Query(text="kettle?", collections=("cellar",)), "there is no collection 'cellar'; there are: kitchen"),
    ],
)
async def test_what_the_user_did_wrong_is_told_as_it_would_be_here(remote: RemoteApplication, query: Query, says: str) -> None:
    with pytest.raises(UserError, match=says):
        await _events(remote, query)
    with pytest.raises(UserError, match=says):
        await remote.search(query, 3)


def test_a_path_that_is_not_there_is_the_users_to_mend(remote: RemoteApplication) -> None:
    with pytest.raises(UserError, match="there is no file or folder '/nowhere/at/all'"):
        list(remote.sync(["/nowhere/at/all"]))


async def test_an_error_midway_comes_as_an_event(serve: Serve) -> None:
    remote = serve(scripted_server(ScriptedApplication(ScriptedEngine(pieces=["Four ", InternalError("the engine went away")]))))

    assert (await _events(remote))[-1] == Failed(code="InternalError", message="the engine went away")


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (DataDirectoryError("the disk is full"), DataDirectoryError, "^the disk is full$"),
        (InternalError("the index is gone"), InternalError, "^the index is gone$"),
        (OSError("secret"), InternalError, "^something of ours failed; the server's log says what$"),
    ],
)
def test_a_sync_that_fails_midway_says_why(serve: Serve, fault: Exception, kind: type[Exception], says: str) -> None:
    application = ScriptedApplication(ScriptedEngine())
    application.reports = [DocumentReport(source="a.md", collection="c", state="added"), fault]
    reports = serve(scripted_server(application)).sync(())

    assert next(reports).source == "a.md"
    with pytest.raises(kind, match=says):
        next(reports)


async def test_leaving_an_answer_stops_the_engine_over_there(serve: Serve) -> None:
    engine = ScriptedEngine(pieces=["word "], endless=True)
    events = serve(scripted_server(ScriptedApplication(engine))).answer(QUESTION)
    async for event in events:
        if isinstance(event, DeltaReleased):
            break

    await events.aclose()

    assert engine.closed.wait(5)


def test_it_waits_for_a_server_that_is_still_reading_documents(serve: Serve) -> None:
    app = scripted_server(None, progress=Progress(phase="syncing", done=1, total=2))

    def finish() -> None:
        app.state.server.application = ScriptedApplication(ScriptedEngine())
        app.state.server.progress = Progress(ready=True, phase="ready")

    threading.Timer(0.2, finish).start()

    serve(app)

    assert app.state.server.progress.ready


def test_a_server_that_failed_to_start_is_told_with_its_reason(serve: Serve) -> None:
    with pytest.raises(InternalError, match="is not ready: the weights are gone"):
        serve(scripted_server(None, progress=Progress(phase="failed", message="the weights are gone")))


def test_a_server_that_does_not_answer_is_named() -> None:
    with serving(scripted_server(None)) as url:
        pass

    with pytest.raises(InternalError, match=f"process {os.getpid()} at {url} does not answer"):
        _reach(_owner(url))


async def test_a_server_that_dies_midway_is_an_error_of_ours(serve: Serve) -> None:
    async def break_off() -> AsyncIterator[str]:
        yield '{"source": "a.md", "collection": "c", "state": "added"}\n'
        raise RuntimeError("killed")

    app = FastAPI()
    app.add_route("/readyz", lambda _: JSONResponse({"ready": True}))
    for path in ("/v1/answers", "/v1/search", "/v1/sync"):
        app.add_route(path, lambda _: StreamingResponse(break_off()), ["POST"])
    remote = serve(app)

    with pytest.raises(InternalError, match="ended before it had answered; run the command again"):
        await _events(remote)
    with pytest.raises(InternalError, match="ended before it had answered; run the command again"):
        await remote.search(QUESTION, 3)
    with pytest.raises(InternalError, match="ended before it had answered; run the command again"):
        await asyncio.to_thread(list, remote.sync(()))


def test_syncing_needs_the_token() -> None:
    with serving(scripted_server(ScriptedApplication(ScriptedEngine()))) as url, pytest.raises(UserError, match="token"):
        list(_reach(_owner(url, token="stale")).sync(()))


def test_a_proxy_of_the_environment_is_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert serve(scripted_server(ScriptedApplication(ScriptedEngine())))


# connect


def _settings(data_dir: Path, tmp_path: Path) -> Settings:
    return Settings(data_dir=data_dir, knowledge=write(tmp_path / "knowledge", FILES))


async def test_a_free_directory_is_opened_here_and_given_up_again(data_dir_with_model: Path, tmp_path: Path) -> None:
    settings = _settings(data_dir_with_model, tmp_path)

    with connect(settings, "ask", _silent) as session:
        assert isinstance(session, Application)
        assert find(data_dir_with_model) == Owner(pid=os.getpid(), command="ask")
        assert (await session.search(QUESTION, 1))[0].source == "kettle.md"

    assert find(data_dir_with_model) is None


async def test_a_directory_that_a_server_owns_is_reached_through_it(tmp_path: Path) -> None:
    held = Ownership(tmp_path / "data", "serve")
    with serving(scripted_server(ScriptedApplication(ScriptedEngine()))) as url:
        held.announce(_owner(url))

        with connect(_settings(tmp_path / "data", tmp_path), "ask", _silent) as session:
            assert isinstance(session, RemoteApplication)
            assert isinstance((await _events(session))[-1], Completed)
    held.release()


@pytest.mark.parametrize(("chosen", "is_said"), [("", False), ("extractive", False), ("vllm", True)])
def test_an_engine_that_was_asked_for_and_does_not_answer_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, is_said: bool
) -> None:
    if chosen:
        monkeypatch.setenv("CHATBOT_ENGINE", chosen)
    said: list[str] = []
    held = Ownership(tmp_path / "data", "serve")
    with serving(scripted_server(ScriptedApplication(ScriptedEngine()))) as url:
        held.announce(_owner(url).model_copy(update={"engine": "extractive"}))
        with connect(settings.load(data_dir=tmp_path / "data"), "ask", said.append):
            pass
    held.release()

    assert any("its engine extractive; stop it to ask vllm" in line for line in said) == is_said


@pytest.fixture
def gone() -> str:
    """Where a server was."""
    with serving(scripted_server(None)) as url:
        pass
    return url


def test_a_server_that_is_about_to_end_is_waited_for(data_dir_with_model: Path, tmp_path: Path, gone: str) -> None:
    held = Ownership(data_dir_with_model, "serve")
    held.announce(_owner(gone))
    threading.Timer(0.5, held.release).start()

    with connect(_settings(data_dir_with_model, tmp_path), "ask", _silent) as session:
        assert isinstance(session, Application)


def test_a_server_that_took_over_from_one_that_ended_is_asked(tmp_path: Path, gone: str) -> None:
    held = Ownership(tmp_path / "data", "serve")
    held.announce(_owner(gone))
    with serving(scripted_server(ScriptedApplication(ScriptedEngine()))) as url:
        threading.Timer(0.3, lambda: held.announce(_owner(url))).start()

        with connect(_settings(tmp_path / "data", tmp_path), "ask", _silent) as session:
            assert isinstance(session, RemoteApplication)
    held.release()


def test_a_longer_wait_says_for_what_and_how_far_it_is(tmp_path: Path) -> None:
    said: list[str] = []
    held = Ownership(tmp_path / "data", "serve")
    app = scripted_server(None, progress=Progress(phase="syncing", done=3, total=46))

    def say(line: str) -> None:
        said.append(line)
        app.state.server.progress = Progress(ready=True, phase="ready")

    with serving(app) as url:
        held.announce(_owner(url))
        with connect(_settings(tmp_path / "data", tmp_path), "ask", say):
            pass
    held.release()

    assert said == [f"waiting for process {os.getpid()} (`chatbot serve` at {url}): syncing, document 3 of 46"]


def test_a_longer_wait_for_a_command_names_it(data_dir_with_model: Path, tmp_path: Path) -> None:
    said: list[str] = []
    held = Ownership(data_dir_with_model, "sync")

    def say(line: str) -> None:
        if not said:
            held.release()
        said.append(line)

    with connect(_settings(data_dir_with_model, tmp_path), "ask", say):
        pass

    assert said[0] == f"waiting for process {os.getpid()} (`chatbot sync`), which has the data directory open"


def test_what_goes_wrong_while_it_is_open_is_not_taken_for_a_directory_in_use(data_dir_with_model: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(DataDirectoryInUse, match="mine"),
        connect(_settings(data_dir_with_model, tmp_path), "ask", _silent),
    ):
        raise DataDirectoryInUse("mine")


def test_a_lock_left_by_a_killed_server_is_nobodys(data_dir_with_model: Path, tmp_path: Path) -> None:
    (data_dir_with_model / "lock").write_text(_owner("http://127.0.0.1:9").model_dump_json())

    with connect(_settings(data_dir_with_model, tmp_path), "ask", _silent) as session:
        assert isinstance(session, Application)


def test_a_command_that_will_soon_be_done_is_waited_for(data_dir_with_model: Path, tmp_path: Path) -> None:
    held = Ownership(data_dir_with_model, "sync")
    threading.Timer(1.2, held.release).start()

    with connect(_settings(data_dir_with_model, tmp_path), "ask", _silent) as session:
        assert isinstance(session, Application)


def test_a_directory_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(UserError, match="cannot be written.*CHATBOT_DATA_DIR"),
        connect(Settings(data_dir=tmp_path / "file"), "ask", _silent),
    ):
        pass


def test_a_verification_is_the_same_here_and_there(local: Application, remote: RemoteApplication) -> None:
    assert list(remote.verify()) == list(local.verify())
    assert {found.check: found.state for found in remote.verify()}["indexes"] == "ok"

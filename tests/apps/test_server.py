"""`chatbot serve` as a process: what it says, who may use its directory meanwhile, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import httpx
import pytest
from conftest import furnish, write

from chatbot.apps import cli
from chatbot.apps.server import serve
from chatbot.bootstrap import Application
from chatbot.errors import UserError, WeightsMissing
from chatbot.knowledge.store.ownership import Owner, Ownership, find
from chatbot.schema import Answer
from chatbot.sections import EncoderSettings
from chatbot.settings import Settings

FILES = {"kitchen/kettle.md": "# Kettle\n\nThe blue kettle holds four litres of water and whistles when it boils.\n"}
QUESTION = "How much water does the blue kettle hold?"


class Server:
    """A serving process; `said` is what it printed so far."""

    def __init__(self, *flags: str, **environment: str) -> None:
        command = [sys.executable, "-m", "chatbot", "serve", "--port", "0", *flags]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self.data_dir = Path(environment["CHATBOT_DATA_DIR"])
        self.said: list[str] = []

    def wait_for(self, words: str) -> str:
        """The first line with `words`, read now or before."""
        while not (found := next((line for line in self.said if words in line), "")):
            line = self.process.stdout.readline()  # pyright: ignore[reportOptionalMemberAccess]
            if not line:
                raise AssertionError(f"it ended before it said {words!r}: {self.said} {self.end()}")
            self.said.append(line)
        return found

    def wait_for_api(self) -> str:
        """The URL."""
        line = self.wait_for("ready: API at")
        return re.findall(r"http://[^/]+", line)[0]

    def stop(self, by: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(by)
        return self.end()

    def end(self) -> tuple[int, str]:
        """Exit code and stderr, once it has ended."""
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


class Outcome(NamedTuple):
    code: int | str | None
    out: str
    err: str


class Standing:
    """The server that the tests share; one that ended is started again on the same directory."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._server: Server | None = None

    def get(self) -> Server:
        if self._server is None or self._server.process.poll() is not None:
            self._server = Server(**self._environment)
            self._server.wait_for_api()
        return self._server

    def kill(self) -> None:
        if self._server:
            self._server.process.kill()
            self._server.process.communicate()


Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Standing]:
    """Open to other machines, too."""
    folder = tmp_path_factory.mktemp("serve")
    standing = Standing(
        {
            "CHATBOT_DATA_DIR": str(furnish(folder / "data", models)),
            "CHATBOT_KNOWLEDGE": str(write(folder / "knowledge", FILES)),
            "CHATBOT_HOST": "0.0.0.0",
            "CHATBOT_ALLOWED_HOSTS": '["chat.example"]',
        }
    )
    yield standing
    standing.kill()


@pytest.fixture
def server(standing: Standing) -> Server:
    return standing.get()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A second terminal, in this process."""

    def run_here(data_dir: Path, *arguments: str) -> Outcome:
        monkeypatch.setenv("CHATBOT_DATA_DIR", str(data_dir))
        monkeypatch.setattr(sys, "argv", ["chatbot", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        streams = capsys.readouterr()
        return Outcome(ended.value.code or 0, streams.out, streams.err)

    return run_here


def _owner(server: Server) -> Owner:
    return Owner.model_validate_json((server.data_dir / "lock").read_text())


# while it serves


def test_it_says_where_it_is_what_it_read_and_when_it_is_ready(server: Server) -> None:
    url = server.wait_for_api()

    assert server.said[0] == f"chatbot is starting at {url}\n"
    assert any(line.startswith("documents: kitchen (1)") for line in server.said)
    assert "engine: extractive\n" in server.said


def test_it_answers_over_http(server: Server) -> None:
    url = server.wait_for_api()

    answer = httpx.post(f"{url}/v1/answers", json={"question": QUESTION}, trust_env=False).json()

    assert "four litres" in answer["text"]
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200


def test_the_lock_file_leads_to_it_and_only_the_owner_may_read_it(server: Server) -> None:
    owner = _owner(server)

    assert (owner.pid, owner.url) == (server.process.pid, server.wait_for_api())
    assert stat.S_IMODE((server.data_dir / "lock").stat().st_mode) == 0o600
    assert len(owner.token) > 30
    assert not any(owner.token in line for line in server.said)


def test_a_second_terminal_asks_through_it(server: Server, run: Run) -> None:
    outcome = run(server.data_dir, "ask", QUESTION, "--json")

    assert (outcome.code, outcome.err) == (0, "")
    assert Answer.model_validate_json(outcome.out).citations


def test_a_second_terminal_searches_through_it(server: Server, run: Run) -> None:
    outcome = run(server.data_dir, "search", "kettle", "--json")

    assert outcome.code == 0
    assert json.loads(outcome.out)["passages"][0]["source"] == "kettle.md"


def test_what_a_second_terminal_syncs_the_server_answers_at_once(server: Server, run: Run, tmp_path: Path) -> None:
    write(tmp_path / "zoo", {"zebra.md": "# Zebra\n\nThe zebra of the city zoo is called Martha."})

    synced = run(server.data_dir, "sync", "zoo", "--collection", "zoo", "--json")
    answer = run(server.data_dir, "ask", "What is the zebra of the zoo called?")

    assert json.loads(synced.out)["documents"][0]["state"] == "added"
    assert "Martha" in answer.out


def test_a_second_terminal_gets_the_same_errors_and_exit_codes(server: Server, run: Run) -> None:
    assert run(server.data_dir, "ask", "Who won the football world cup in 1974?").code == 3
    assert run(server.data_dir, "ask", QUESTION, "-c", "cellar").err.startswith(
        "error: there is no collection 'cellar'; there are: kitchen"
    )
    assert run(server.data_dir, "ask", "").code == 2
    assert run(server.data_dir, "sync", "/nowhere/at/all").code == 2
    no_text = run(server.data_dir, "search", "kettle \udcff")
    assert (no_text.code, no_text.err.startswith("error: 'kettle \\udcff' is no UTF-8")) == (2, True)


@pytest.mark.parametrize("same_port", [True, False])
def test_a_second_server_is_refused_and_the_first_is_named(server: Server, run: Run, same_port: bool) -> None:
    url = server.wait_for_api()

    outcome = run(server.data_dir, "serve", "--port", url.rpartition(":")[2] if same_port else "0")

    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert f"in use by process {server.process.pid} (`chatbot serve` at {url})" in outcome.err
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200


def test_a_second_server_is_refused_while_the_first_still_starts(run: Run, tmp_path: Path) -> None:
    starting = Ownership(tmp_path, "serve")  # it has no address yet
    with socket.create_server(("127.0.0.1", 0)) as its:
        outcome = run(tmp_path, "serve", "--port", str(its.getsockname()[1]))
    starting.release()

    assert outcome.code == 2
    assert f"in use by process {os.getpid()} (`chatbot serve`); stop it first" in outcome.err


def test_a_port_in_use_is_named_with_what_to_do(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        outcome = run(tmp_path / "data", "serve", "--port", str(port))

    assert outcome.code == 2
    assert outcome.err == (
        f"error: port {port} on 127.0.0.1 cannot be used: Address already in use; "
        "stop what uses it, or choose another with --port\n"
    )


def test_a_host_that_is_no_address_is_named(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, host="::1::2", port=0, allowed_hosts=("chat.example",))

    with pytest.raises(UserError, match="port 0 on ::1::2 cannot be used: Name or service not known; "):
        serve(settings, print)


def test_the_web_chat_follows_the_api(server: Server) -> None:
    url = server.wait_for_api()

    assert server.wait_for("in a browser") == f"open {url} in a browser; Ctrl+C stops\n"
    assert httpx.get(f"{url}/readyz", trust_env=False).json()["page"] is True
    assert "text/html" in httpx.get(url, trust_env=False).headers["content-type"]


def test_open_to_other_machines_it_is_still_reached_from_this_one(server: Server) -> None:
    url = server.wait_for_api()

    assert url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{url}/livez", headers={"host": "chat.example"}, trust_env=False).status_code == 200
    refused = httpx.get(f"{url}/livez", headers={"host": "evil.example"}, trust_env=False)
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert refused.json()["detail"].startswith("this server does not answer under the name 'evil.example'; add the name to")


# how it ends


def test_sigterm_ends_it_and_gives_up_the_directory(server: Server) -> None:
    assert server.stop(signal.SIGTERM) == (-signal.SIGTERM, "")

    assert find(server.data_dir) is None
    assert (server.data_dir / "lock").read_text() == ""


def test_killed_it_leaves_nothing_that_keeps_the_next_from_starting(server: Server, run: Run, tmp_path: Path) -> None:
    assert server.stop(signal.SIGKILL) == (-signal.SIGKILL, "")

    assert _owner(server).pid == server.process.pid  # the file still says so, but nobody holds its lock
    assert find(server.data_dir) is None
    knowledge = write(tmp_path / "knowledge", FILES)
    with Application(Settings(data_dir=server.data_dir, knowledge=knowledge), "serve") as next_one:
        assert [report.state for report in next_one.sync(())][0] == "unchanged"
        assert next_one.indexes.rebuilt == ""
    assert run(server.data_dir, "ask", QUESTION).code == 0


def test_ctrl_c_during_the_first_sync_ends_it_after_the_document_at_hand(data_dir_with_model: Path, tmp_path: Path) -> None:
    # each empty file is a line of output, and the pipe is full before the last: the sync cannot end before it is read
    many = write(tmp_path / "many", {f"kitchen/{'long-' * 20}{number}.md": "" for number in range(1200)})
    server = Server(CHATBOT_DATA_DIR=str(data_dir_with_model), CHATBOT_KNOWLEDGE=str(many))
    server.wait_for("refused: ")

    server.process.send_signal(signal.SIGINT)
    _wait_until_closed(server.wait_for("starting").split()[-1])
    out, err = server.process.communicate(timeout=60)

    assert (server.process.returncode, err) == (0, "")
    assert "stopping; the step at hand is finished first" in out
    assert out.count("refused: ") < 1199
    assert find(server.data_dir) is None


def _wait_until_closed(url: str) -> None:
    with contextlib.suppress(httpx.TransportError):
        while True:
            httpx.get(f"{url}/livez", trust_env=False)
    time.sleep(0.5)  # uvicorn looks after its connections every 0.1 s, and only then tells the application


class _BrokenInstallation(ModuleType):
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("a broken installation")


def test_an_unexpected_failure_while_it_starts_ends_it_with_one_line(
    run: Run, data_dir_with_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", _BrokenInstallation("gradio"))
    folder = write(tmp_path / "knowledge", FILES)

    outcome = run(data_dir_with_model, "serve", "--port", "0", "--knowledge", str(folder))

    assert outcome.code == 1
    assert outcome.err == "error: RuntimeError: a broken installation; run again with --debug and report it\n"
    assert find(data_dir_with_model) is None


def test_weights_that_are_missing_end_it_with_what_to_do(tmp_path: Path) -> None:
    said: list[str] = []
    settings = Settings(data_dir=tmp_path / "data", port=0, encoder=EncoderSettings(model="/no/such/model"))

    with pytest.raises(WeightsMissing, match="'/no/such/model' are not on this machine"):
        serve(settings, said.append)

    assert "first start here" in said[-1]
    assert find(tmp_path / "data") is None

"""Watching, as people start it: a command or a server goes on and brings in what changes, until it is told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import write
from internet import page, serving

CATS = "# Cats\n\nCats purr when they are happy.\n"
pytestmark = pytest.mark.usefixtures("interruptible")

_AT_MOST_S = 120
_QUICKLY = """
from chatbot.apps import cli
from chatbot.knowledge.sources import watch
watch._POLL_S, watch._QUIET_MS = 1, 50
cli.main()
"""
"""The clock finds, after a second instead of half a minute, what was written before the watch had begun."""


class Running:
    """A process whose lines are read as they come; it is ended if it says nothing that was waited for."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-c", _QUICKLY, *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}
        )
        self._timer = threading.Timer(_AT_MOST_S, self.process.kill)
        self._timer.start()

    def wait_for(self, words: str) -> str:
        assert self.process.stdout
        said: list[str] = []
        for line in self.process.stdout:
            said.append(line)
            if words in line:
                return line
        raise AssertionError(f"it ended before it said {words!r}: {said}")

    def stop(self) -> tuple[int, str]:
        """Its exit code after Ctrl+C, and its last words."""
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def close(self) -> None:
        self._timer.cancel()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def environment(data_dir_with_model: Path, tmp_path: Path) -> dict[str, str]:
    knowledge = write(tmp_path / "knowledge", {"zoo/cats.md": CATS})
    return {"CHATBOT_DATA_DIR": str(data_dir_with_model), "CHATBOT_KNOWLEDGE": str(knowledge)}


@pytest.fixture
def started() -> Iterator[list[Running]]:
    """What is put here is ended with the test."""
    processes: list[Running] = []
    yield processes
    for process in processes:
        process.close()


def test_a_watch_brings_in_what_is_written_changed_and_removed(
    environment: dict[str, str], started: list[Running], tmp_path: Path
) -> None:
    papers = write(tmp_path / "papers", {"a.md": CATS})
    watching = Running("sync", "--watch", str(papers), **environment)
    started.append(watching)
    watching.wait_for("1 documents; watching, Ctrl+C stops")

    write(papers, {"b.md": CATS + "And when they eat."})
    assert watching.wait_for("b.md") == "    added  documents/b.md\n"
    (papers / "b.md").write_text("# Dogs\n\nDogs bark.")
    assert watching.wait_for("b.md") == "  changed  documents/b.md\n"
    (papers / "b.md").unlink()
    assert watching.wait_for("b.md") == "  removed  documents/b.md\n"

    code, said = watching.stop()
    assert code == 0
    assert said.endswith("no longer watching; what was done is kept\n")


def test_a_saved_file_is_no_reason_to_fetch_pages(environment: dict[str, str], started: list[Running], tmp_path: Path) -> None:
    environment |= {"CHATBOT_FETCH__ALLOW_PRIVATE": '["127.0.0.0/8"]'}
    with serving() as web:
        web.routes["/page"] = page()
        first = Running("sync", f"{web.url}/page", **environment)
        started.append(first)
        first.wait_for("1 added")
        first.process.wait(60)

        watching = Running("sync", "--watch", **environment)
        started.append(watching)
        watching.wait_for("watching, Ctrl+C stops")
        asked = web.paths.count("/page")
        write(tmp_path / "knowledge/zoo", {"dogs.md": "# Dogs\n\nDogs bark."})
        watching.wait_for("dogs.md")
        assert watching.stop()[0] == 0

        assert (asked, web.paths.count("/page")) == (2, 2)


def test_a_server_that_watches_answers_from_what_was_written_and_ends_at_once(
    environment: dict[str, str], started: list[Running], tmp_path: Path
) -> None:
    server = Running("serve", "--port", "0", CHATBOT_WATCH="true", **environment)
    started.append(server)
    server.wait_for("in a browser")

    write(tmp_path / "knowledge/zoo", {"dogs.md": "# Dogs\n\nDogs bark at the postman."})
    server.wait_for("watch: 1 added")
    (tmp_path / "knowledge/zoo/dogs.md").unlink()
    server.wait_for("watch: 1 removed")

    assert server.stop()[0] == 0


def test_a_page_cannot_be_watched(environment: dict[str, str], started: list[Running]) -> None:
    watching = Running("sync", "--watch", "https://example.org/", **environment)
    started.append(watching)
    assert watching.wait_for("error").startswith("error: --watch is for folders and files")

"""One process owns a data directory, says who it is, and leaves nothing in the way when it is killed."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from chatbot.errors import DataDirectoryError, DataDirectoryInUse
from chatbot.knowledge.store import ownership
from chatbot.knowledge.store.ownership import Owner, Ownership

OWN = """
import sys
from pathlib import Path
from chatbot.knowledge.store.ownership import Owner, Ownership
import os
owned = Ownership(Path(sys.argv[1]), "serve")
owned.announce(Owner(pid=os.getpid(), command="serve", url=sys.argv[2], token="secret"))
print("owned", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns `tmp_path / "data"`."""
    command = [sys.executable, "-c", OWN, str(tmp_path / "data"), "http://127.0.0.1:9"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "owned\n"
        yield process
        process.kill()


def test_the_owner_is_found(tmp_path: Path) -> None:
    owned = Ownership(tmp_path / "data", "serve")
    assert ownership.find(tmp_path / "data") == Owner(pid=os.getpid(), command="serve")
    owned.announce(Owner(pid=os.getpid(), command="serve", url="http://127.0.0.1:1", token="t"))
    found = ownership.find(tmp_path / "data")
    assert found is not None
    assert (found.url, found.token) == ("http://127.0.0.1:1", "t")
    owned.release()


def test_an_unowned_directory_has_no_owner(tmp_path: Path) -> None:
    assert ownership.find(tmp_path) is None
    assert ownership.find(tmp_path / "nowhere") is None


def test_a_released_directory_can_be_owned_again(tmp_path: Path) -> None:
    Ownership(tmp_path, "sync").release()
    assert ownership.find(tmp_path) is None
    Ownership(tmp_path, "serve").release()


def test_a_second_owner_is_refused_with_the_first_ones_process(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(DataDirectoryError) as error:
        Ownership(tmp_path / "data", "ask", wait_s=5)
    assert f"in use by process {other.pid} (`chatbot serve` at http://127.0.0.1:9)" in str(error.value)
    assert "set CHATBOT_DATA_DIR" in str(error.value)


def test_a_refused_owner_leaves_the_lock_file_alone(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(DataDirectoryError):
        Ownership(tmp_path / "data", "ask")
    found = ownership.find(tmp_path / "data")
    assert found is not None
    assert (found.pid, found.token) == (other.pid, "secret")


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert (tmp_path / "data" / "lock").read_text(), "it was killed before it could clean up"
    assert ownership.find(tmp_path / "data") is None
    owned = Ownership(tmp_path / "data", "sync")
    assert ownership.find(tmp_path / "data") == Owner(pid=os.getpid(), command="sync")
    owned.release()


@pytest.fixture
def lock_file(tmp_path: Path) -> Iterator[IO[str]]:
    """What a killed owner left, opened by another."""
    path = tmp_path / "lock"
    path.write_text(Owner(pid=4_000_000, command="serve", url="http://127.0.0.1:9").model_dump_json())
    with path.open("r+") as file:
        yield file


def test_somebody_looking_is_no_owner(tmp_path: Path, lock_file: IO[str]) -> None:
    fcntl.flock(lock_file, fcntl.LOCK_SH)
    assert ownership.find(tmp_path) is None


def test_nobody_is_refused_because_somebody_looks(tmp_path: Path, lock_file: IO[str]) -> None:
    fcntl.flock(lock_file, fcntl.LOCK_SH)
    threading.Timer(0.2, lambda: fcntl.flock(lock_file, fcntl.LOCK_UN)).start()
    Ownership(tmp_path, "serve").release()


def test_an_owner_that_has_just_taken_the_lock_is_heard_out(tmp_path: Path, lock_file: IO[str]) -> None:
    fcntl.flock(lock_file, fcntl.LOCK_EX)
    lock_file.truncate()
    announced = Owner(pid=1, command="sync")
    threading.Timer(0.2, lambda: (tmp_path / "lock").write_text(announced.model_dump_json())).start()
    assert ownership.find(tmp_path) == announced


def test_an_owner_that_does_not_say_who_it_is_is_one_all_the_same(tmp_path: Path, lock_file: IO[str]) -> None:
    fcntl.flock(lock_file, fcntl.LOCK_EX)
    lock_file.truncate()
    with pytest.raises(DataDirectoryInUse, match="is in use by another process; stop it first"):
        Ownership(tmp_path, "serve")


def test_a_short_owner_is_waited_for(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    assert other.stdin is not None
    (tmp_path / "data" / "lock").write_text(Owner(pid=other.pid, command="sync").model_dump_json())
    other.stdin.close()  # it ends while we wait
    Ownership(tmp_path / "data", "ask", wait_s=30).release()


def test_only_its_owner_may_read_the_lock_file(tmp_path: Path) -> None:
    owned = Ownership(tmp_path / "data", "serve")
    assert stat.S_IMODE((tmp_path / "data" / "lock").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    owned.release()


@pytest.mark.parametrize("garbage", ["", "{", '{"pid": "x"}', "[]"])
def test_a_garbled_lock_file_is_no_obstacle(garbage: str, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(garbage)
    assert ownership.find(tmp_path) is None
    Ownership(tmp_path, "serve").release()


def test_a_file_where_the_directory_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DataDirectoryError, match=r"'.*/data' cannot be written: .*; set CHATBOT_DATA_DIR"):
        Ownership(tmp_path / "data", "serve")


def test_a_directory_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(DataDirectoryError, match="cannot be written: Not a directory"):
        Ownership(tmp_path / "file" / "data", "serve")


def test_a_directory_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(DataDirectoryError, match="cannot be written"):
        Ownership(Path("/proc/chatbot"), "serve")


def test_a_directory_on_a_full_disk_is_given_up_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(DataDirectoryError, match="No space left on device; make room on the disk") as refused:
            Ownership(tmp_path, "serve")
    Ownership(tmp_path, "serve").release()
    assert refused.value.__traceback__  # it holds on to what was made

"""A PostgreSQL server of the tests' own, on a socket in a folder of its own, with nothing durable about it."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

PASSWORD = "correct-horse"
USER = "tester"


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql+psycopg://{USER}:{password}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        place = {"host": str(self.folder), "user": USER, "password": PASSWORD, "dbname": database}
        with psycopg.connect(**place, autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        _run("pg_ctl", "-D", str(self.folder / "cluster"), "-w", "-o", options, "-l", str(self.folder / "log"), "start")

    def kill(self) -> None:
        """kill -9 of the server and of all that it started; returns when they are gone."""
        server = int((self.folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])
        started = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for pid in (server, *map(int, started)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(FileNotFoundError):
            for pid in started:
                while " Z " not in Path(f"/proc/{pid}/stat").read_text():
                    time.sleep(0.01)
        # where nobody reaps the dead, the next server would take this one for alive
        for file in (self.folder / "cluster" / "postmaster.pid", self.folder / ".s.PGSQL.5432.lock"):
            file.unlink(missing_ok=True)

    def stop(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # it may have been killed
            _run("pg_ctl", "-D", str(self.folder / "cluster"), "-m", "immediate", "stop")


def programs() -> Path | None:
    """Where the newest installed server's programs lie."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    return folders[-1].parent if folders else None


def why_not() -> str:
    """The reason why no server can be started here; empty if one can."""
    if not programs():
        return "PostgreSQL is not installed: apt-get install postgresql"
    if os.geteuid() == 0 and not (shutil.which("setpriv") and _unprivileged()):
        return "PostgreSQL refuses to run as root, and there is no user postgres"
    return ""


@contextmanager
def started() -> Iterator[Server]:
    """Start a server; it is stopped and its folder deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own folders may not be entered by another user
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres")
    cluster = str(folder / "cluster")
    _run("initdb", "-D", cluster, "-U", USER, f"--pwfile={folder / 'password'}", "-A", "scram-sha-256", "-N", "-E", "UTF8")
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str) -> None:
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    command = [*as_user, str((programs() or Path()) / program), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=60)


def _unprivileged() -> bool:
    try:
        return bool(pwd.getpwnam("postgres"))
    except KeyError:
        return False

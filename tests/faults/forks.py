"""Children that are forked from a program which has imported everything and opened nothing: a start costs milliseconds.

To be imported before whatever makes threads when it is imported: a program that has them cannot be forked.
"""

# ruff: noqa: E402  what must come before the imports stands before them

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.modules["openvino"] = ModuleType("openvino")  # it makes threads, and whoever replays vectors does not need it

import chromadb.api.rust  # noqa: F401  # pyright: ignore[reportUnusedImport]  it is imported late, and takes half a second

from chatbot.knowledge.indexes import dense

Tell = Callable[[Any], None]
"""Sends a value to the parent. What was sent has arrived, whatever becomes of the child."""

LIMIT_S = 300
"""Whatever takes longer hangs."""


class Ended(NamedTuple):
    told: list[Any]
    killed: bool
    seconds: float
    """From its start, or from its first word where that was waited for."""


class ChildFailed(Exception):
    """It ended in an error of its own."""


def run(work: Callable[[Tell], None], kill_after_s: float | None = None, from_first_word: bool = False) -> Ended:
    """Run `work` in a child to its end, or kill it (SIGKILL) so many seconds after its start, or after its first word.

    Raises:
        ChildFailed: the child raised an error, or a signal other than SIGKILL ended it; SIGALRM does after `LIMIT_S`.
    """
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork copies one thread, and the locks of the others"
    reading, writing = os.pipe()
    begun = time.monotonic()
    if not (child := os.fork()):
        os.close(reading)
        signal.alarm(LIMIT_S)
        _work(work, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        lines = [pipe.readline()] if from_first_word else []
        if from_first_word:
            begun = time.monotonic()
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            os.kill(child, signal.SIGKILL)
        lines += pipe
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise ChildFailed(f"a child ended with status {status}")
    told = [json.loads(line) for line in lines if line.endswith("\n")]  # the last word of a killed one may be cut short
    return Ended(told, status != 0, time.monotonic() - begun)


def answer(work: Callable[[], Any]) -> Any:
    """What `work` returns, in a child."""
    return run(lambda tell: tell(work())).told[0]


@contextmanager
def trials() -> Iterator[None]:
    """While this lasts, the first index that a child wants tried out is tried out in a fork instead of in a new interpreter.

    It is the same program, by the same limits; only its imports, two seconds, were made before.
    """
    (asked, ask), (said, say) = os.pipe(), os.pipe()
    if not (child := os.fork()):
        os.close(ask)
        os.close(said)
        signal.alarm(LIMIT_S)
        if folder := os.read(asked, 4096).decode():
            sys.argv[1:] = [folder]
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # nobody reads what it says
            _work(lambda _: runpy.run_module(dense.__name__, run_name="__main__"), say, b"lived")
        os._exit(0)
    os.close(asked)
    os.close(say)

    def withstands(folder: Path) -> bool:
        if not dense.has_graph(folder):
            return True
        os.write(ask, str(folder).encode())
        return os.read(said, 5) == b"lived"

    with mock.patch.object(dense, "withstands", withstands):
        yield
    os.close(ask)
    os.close(said)
    os.waitpid(child, 0)


def _work(work: Callable[[Tell], None], writing: int, last_word: bytes = b"") -> None:
    status = 1
    try:
        work(lambda value: _send(writing, value))
        os.write(writing, last_word)
        status = 0
    except BaseException:  # noqa: BLE001  the child must never run on in the parent's code
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(status)


def _send(writing: int, value: Any) -> None:
    os.write(writing, json.dumps(value).encode() + b"\n")

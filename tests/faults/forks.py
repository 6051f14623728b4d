"""Children that are forked from a program which has imported everything and opened nothing: a start costs milliseconds."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Tell = Callable[[Any], None]
"""Sends a value to the parent. What was sent has arrived, whatever becomes of the child."""


class Ended(NamedTuple):
    told: list[Any]
    killed: bool
    seconds: float


class ChildFailed(Exception):
    """It ended in an error of its own."""


def run(work: Callable[[Tell], None], kill_after_s: float | None = None) -> Ended:
    """Run `work` in a child to its end, or kill it (SIGKILL) so many seconds after its start.

    Raises:
        ChildFailed: the child raised an error, or a signal other than SIGKILL ended it.
    """
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork copies one thread, and the locks of the others"
    reading, writing = os.pipe()
    begun = time.monotonic()
    if not (child := os.fork()):
        os.close(reading)
        _work(work, writing)
    os.close(writing)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        told = [json.loads(line) for line in pipe if line.endswith("\n")]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise ChildFailed(f"a child ended with status {status}")
    return Ended(told, status != 0, time.monotonic() - begun)


def _work(work: Callable[[Tell], None], writing: int) -> None:
    status = 1
    try:
        work(lambda value: _send(writing, value))
        status = 0
    except BaseException:  # noqa: BLE001  the child must never run on in the parent's code
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(status)


def _send(writing: int, value: Any) -> None:
    os.write(writing, json.dumps(value).encode() + b"\n")

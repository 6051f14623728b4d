"""Reads documents in a child process, so that a hostile file can cost a child and nothing else.

The child has no secrets in its environment and a ceiling on its memory; where the system allows it no network, and a hook of the
interpreter refuses it files and programs anyway. It is ended when a document takes too long, and the next one gets a new child.

The hook is PEP 578's: it holds Python code, not native code, which is what the namespace and the ceiling are for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, NamedTuple, Self

from pydantic import ValidationError

from chatbot.errors import DocumentRefused, FormatFailed
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.schema import Box, CitedWords, Value

MIB = 2**20

_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""Of the environment: what an interpreter needs to find its parts. A key of ours has no business there."""
_ADDED = {"OMP_THREAD_LIMIT": "1"}
"""Tesseract would take four threads for a page, and be hardly faster."""
_LENGTH = 8
_DOCUMENTS = 500
"""A child's memory grows a little with every document, and a new one costs half a second."""


TOO_MUCH_MEMORY = "reading it takes more memory than a document may; split it"


class Limits(NamedTuple):
    """What one document may cost."""

    memory_bytes: int = 2048 * MIB
    """Address space of the child. Its code and libraries take a few hundred MiB of it."""
    seconds: float = 60
    output_bytes: int = 128 * MIB
    """Of text with its headings, as JSON."""


class Verdict(Value):
    """What the child says of a document: one of the four is set."""

    extracted: Extracted | None = None
    boxes: tuple[Box, ...] | None = None
    refused: str = ""
    failed: str = ""


class Sandbox:
    """One child at a time; starts with the first document. Not for several threads at once."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  a frozen value
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child; another document starts another one."""
        child, self._child = self._child, None
        if child:
            child.kill()
            child.communicate()

    def read(self, name: str, raw: bytes) -> Extracted:
        """As `reader.read`, in the child.

        Raises:
            DocumentRefused: the reason; or it takes more time, memory or room than a document may.
            FormatFailed: the format failed, or ended its process.
        """
        said = self._heard(name.encode("utf-8", "surrogateescape"), b"", raw)
        if said.extracted is None:
            raise FormatFailed(said.failed)
        return said.extracted

    def locate(self, raw: bytes, cited: CitedWords) -> tuple[Box, ...]:
        """As `pdf_boxes.locate`, in the child.

        Raises:
            DocumentRefused: the words do not stand on the pages that are named; or a limit was passed.
            FormatFailed: the format failed, or ended its process.
        """
        said = self._heard(b"", cited.model_dump_json().encode(), raw)
        if said.boxes is None:
            raise FormatFailed(said.failed)
        return said.boxes

    def _heard(self, *request: bytes) -> Verdict:
        child = self._ready()
        late = threading.Event()
        timer = threading.Timer(self._limits.seconds, lambda: (late.set(), child.kill()))
        timer.start()
        try:
            said = self._asked(child, request)
        except (OSError, EOFError):
            held = _held_bytes(child)
            self.close()
            if late.is_set():
                raise DocumentRefused(f"reading it takes more than {self._limits.seconds:g} s; split the document") from None
            if child.returncode < 0 and held > self._limits.memory_bytes // 2:
                raise DocumentRefused(TOO_MUCH_MEMORY) from None  # native code ends where it gets no more
            raise FormatFailed(f"its reader ended with {_ending(child)}") from None
        finally:
            timer.cancel()
        if said.refused:
            raise DocumentRefused(said.refused)
        return said

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._read >= _DOCUMENTS or self._child.poll() is not None:
            self.close()
            command = [sys.executable, "-P", "-m", "chatbot.knowledge.reading.sandboxed", str(self._limits.memory_bytes)]
            kept = {name: os.environ[name] for name in _KEPT if name in os.environ} | _ADDED
            self._child = subprocess.Popen(
                command, env=kept, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._read = 0
        self._read += 1
        return self._child

    def _asked(self, child: subprocess.Popen[bytes], request: Sequence[bytes]) -> Verdict:
        assert child.stdin
        assert child.stdout
        for part in request:
            send(child.stdin, part)
        length = int.from_bytes(_exactly(child.stdout, _LENGTH), "big")
        if length > self._limits.output_bytes:
            self.close()
            raise DocumentRefused(f"gives more than {self._limits.output_bytes // MIB} MiB of text; split the document")
        try:
            return Verdict.model_validate_json(_exactly(child.stdout, length))
        except ValidationError as error:
            self.close()
            raise FormatFailed("its reader said something that is no verdict") from error


def send(pipe: IO[bytes], data: bytes) -> None:
    """One message: its length, then its bytes."""
    pipe.write(len(data).to_bytes(_LENGTH, "big"))
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes:
    """
    Raises:
        EOFError: there is no further message.
    """
    return _exactly(pipe, int.from_bytes(_exactly(pipe, _LENGTH), "big"))


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    read = pipe.read(count)
    if len(read) < count:
        raise EOFError
    return read


def _held_bytes(child: subprocess.Popen[bytes]) -> int:
    """End a child, and say what memory it held at most; 0 where the system does not tell."""
    if sys.platform != "linux" or child.returncode is not None:
        return 0
    import resource

    # until it began a program of its own, a child counts as its own what its parent held
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    os.kill(child.pid, signal.SIGKILL)  # Popen.kill() would take the account of one that has ended
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_maxrss * 1024 if used.ru_maxrss > inherited else 0


def _ending(child: subprocess.Popen[bytes]) -> str:
    code = child.returncode
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"signal {-code}"

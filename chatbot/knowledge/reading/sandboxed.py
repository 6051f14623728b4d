"""The child that `sandbox` starts: it gives up what it does not need, then reads one document after another.

python -m chatbot.knowledge.reading.sandboxed MEMORY_BYTES
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from pathlib import Path
from typing import IO, Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
"""CLONE_NEWUSER and CLONE_NEWNET of <linux/sched.h>."""
_REFUSED = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.remove", "os.rename",
            "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.kill", "shutil.",
            "ctypes.dlopen", "pty.", "urllib.", "ftplib.", "smtplib.", "webbrowser.", "winreg.")  # fmt: skip
"""Beginnings of the names of the interpreter's audit events: https://docs.python.org/3/library/audit_events.html"""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NICE = 10
"""Whoever waits for an answer goes first."""


def main() -> None:
    """Serve the parent until it closes the pipe."""
    requests, replies = _own_pipes()
    _give_up(int(sys.argv[1]))
    from chatbot.knowledge.reading.sandbox import receive, send

    _warm()
    _lock()
    while True:
        try:
            name, cited, raw = receive(requests), receive(requests), receive(requests)
        except EOFError:
            return
        send(replies, _verdict(name.decode("utf-8", "surrogateescape"), cited, raw))


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The parent's pipes, where no library can print into them."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def _give_up(memory_bytes: int) -> None:
    """Memory beyond a ceiling, core dumps, priority and, where the system allows it, the network."""
    if os.name != "posix":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICE)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # refused in most containers; the hook remains then
        if libc.unshare(_NEW_NETWORK) != 0:
            libc.unshare(_NEW_USER | _NEW_NETWORK)


def _warm() -> None:
    """Load what a reader imports, while files may still be opened at will."""
    from chatbot import registry

    for name in registry.names("chatbot.formats"):
        registry.load("chatbot.formats", name)


def _lock() -> None:
    """From here on: no sockets, no programs, and of files only reading what the interpreter is made of."""
    sys.dont_write_bytecode = True
    roots = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {sys.prefix, *sys.path}
    readable = tuple(f"{Path(root).resolve()}{os.sep}" for root in roots if root)
    devices = (os.devnull, "/dev/urandom")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int) or path in devices:
                return
            if flags & _WRITING or not os.path.realpath(os.fsdecode(path)).startswith(readable):
                raise PermissionError(f"a reader may not open {os.fsdecode(path)!r}")
        elif event.startswith(_REFUSED):
            raise PermissionError(f"a reader may not use {event}")

    sys.addaudithook(hook)


def _verdict(name: str, cited: bytes, raw: bytes) -> bytes:
    """The text of a document, or the boxes of the words `cited` (JSON) where there are any."""
    from chatbot.errors import DocumentRefused, FormatFailed
    from chatbot.knowledge.reading import reader
    from chatbot.knowledge.reading.sandbox import TOO_MUCH_MEMORY, Verdict
    from chatbot.schema import CitedWords

    try:
        said = (
            Verdict(boxes=reader.locate(raw, CitedWords.model_validate_json(cited)))
            if cited
            else Verdict(extracted=reader.read(name, raw))
        )
    except DocumentRefused as error:
        said = Verdict(refused=str(error))
    except FormatFailed as error:
        said = Verdict(refused=TOO_MUCH_MEMORY) if "MemoryError" in str(error) else Verdict(failed=str(error))
    except MemoryError:
        said = Verdict(refused=TOO_MUCH_MEMORY)
    return said.model_dump_json().encode()


if __name__ == "__main__":
    main()

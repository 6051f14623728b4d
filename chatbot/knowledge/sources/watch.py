"""Says when it is time for another sync: something changed in a folder, or half a minute passed. It knows nothing of syncs.

The system gives no notice of what another machine writes on a network mount, and none of a folder that is not there yet. What
nobody told of is found after that half minute, so that nothing here has to know which kind of folder it is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence

import watchfiles

from chatbot.errors import ChatbotError

_POLL_S = 30
_QUIET_MS = 1000
"""How long nothing must change: a file that is being copied is not whole yet."""
_PATIENCE_MS = 15_000
"""A folder in which something always changes is synced after that."""

_Identity = tuple[str, int, int]
"""Path, device and number: a folder that was moved away and made again is another one."""


def rounds(places: Callable[[], Sequence[str]], stop: threading.Event, but_not: str = "") -> Iterator[None]:
    """Yield at once, and whenever it is time again, until `stop` is set; what changes meanwhile is another round.

    `places` is asked before every wait. Files in `but_not`, hidden ones and those in hidden folders do not count.
    """
    yield
    while not stop.is_set():
        try:
            yield from _notified(_there(places()), places, stop, but_not)
        except (OSError, RuntimeError, ChatbotError):
            # no notice can be had: the system's watches are used up (the library's own error is a RuntimeError), a folder went in
            # this moment, or nobody can say now which folders there are
            if stop.wait(_POLL_S):
                return
            yield


def _notified(there: list[_Identity], places: Callable[[], Sequence[str]], stop: threading.Event, but_not: str) -> Iterator[None]:
    """Rounds for as long as the same folders are there."""
    if not there:
        raise FileNotFoundError
    roots = [path for path, _, _ in there]
    for _ in watchfiles.watch(
        *roots,
        watch_filter=lambda _, path: _counts(path, roots, but_not),
        step=_QUIET_MS,
        debounce=_PATIENCE_MS,
        rust_timeout=_POLL_S * 1000,
        yield_on_timeout=True,
        stop_event=stop,
        ignore_permission_denied=True,
    ):
        yield
        if _there(places()) != there:
            return


def _there(places: Sequence[str]) -> list[_Identity]:
    found: list[_Identity] = []
    for path in dict.fromkeys(places):
        try:
            stat = os.stat(path)
        except OSError:
            continue
        found.append((path, stat.st_dev, stat.st_ino))
    return found


def _counts(path: str, roots: Sequence[str], but_not: str) -> bool:
    if but_not and _inside(path, but_not) is not None:
        return False
    inside = next((found for root in roots if (found := _inside(path, root)) is not None), path)
    return not any(part.startswith(".") for part in inside.split(os.sep))


def _inside(path: str, root: str) -> str | None:
    """The path as seen from `root`; None for one that lies elsewhere."""
    return "" if path == root else path.removeprefix(root + os.sep) if path.startswith(root + os.sep) else None

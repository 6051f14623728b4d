"""What was deleted from the indexes is found no more, but still lies in their files: when are those made anew without it?

Neither library overwrites what it deletes. tantivy keeps the words of a deleted chunk until it merges the segment, and offers no
way to ask for that; Chroma keeps ids in its database's free pages and vectors in its graph, where they cost memory and recall
too. So the next generation is built, which holds nothing but what is live, and the old one's files are deleted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from chatbot.errors import ChatbotError
from chatbot.knowledge.store.catalogue import Catalogue

AT_ONCE_CHUNKS = 1000
"""An index of so many is built in a second or two."""
_WAIT_S_PER_CHUNK = 0.1
"""Building takes 1 to 2 ms a chunk, so that it takes 1 or 2 % of one core however often something is removed."""
_LONGEST_S = 24 * 3600.0
_LOOK_S = 100.0
"""A sync looks at its end; this is for one that was stopped, and for what was removed while a generation was built."""
_SINCE = "leftovers_since"
"""A note in the catalogue: seconds since 1970, empty if there is nothing."""

_log = logging.getLogger(__name__)


class Leftovers:
    """Has the next generation built when it is time: after a sync, at an opening, or later on a thread of its own."""

    def __init__(self, catalogue: Catalogue, renew: Callable[[], object]) -> None:
        self._catalogue = catalogue
        self._renew = renew
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def note(self) -> None:
        """Call it before anything is deleted: a process that is killed in between must not forget it."""
        note(self._catalogue)
        if not self._timer:
            self._look_in(_LOOK_S)

    def settle(self) -> None:
        """Begin what is due, and come back for what is not.

        Raises:
            DataDirectoryError: the catalogue cannot be read.
        """
        if (wait_s := left_s(self._catalogue)) is None:
            return
        if wait_s <= 0:
            self._renew()
        self._look_in(max(wait_s, _LOOK_S))

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._timer:
                self._timer.cancel()

    def _look_in(self, wait_s: float) -> None:
        with self._lock:
            if self._timer:
                self._timer.cancel()
            self._timer = None if self._is_closed else threading.Timer(wait_s, self._look)
            if self._timer:
                self._timer.daemon = True
                self._timer.start()

    def _look(self) -> None:
        self._timer = None
        try:
            self.settle()
        except ChatbotError as error:
            _log.warning("what was removed could not be taken out of the files of the indexes, which is tried again: %s", error)
            self._look_in(_LOOK_S)


def note(catalogue: Catalogue) -> None:
    """Write down that something is about to be deleted from the indexes.

    Raises:
        DataDirectoryError: the catalogue cannot be written.
    """
    if not catalogue.meta(_SINCE):
        catalogue.set_meta(**{_SINCE: str(time.time())})


def noted(are_there: bool) -> dict[str, str]:
    """What the catalogue says of a new generation, in which something may have been deleted while it was built."""
    return {_SINCE: str(time.time()) if are_there else ""}


def left_s(catalogue: Catalogue) -> float | None:
    """Seconds until the files are to be made anew, not above 0 if it is time; None if there is nothing to be rid of.

    Raises:
        DataDirectoryError: the catalogue cannot be read.
    """
    if not (since := catalogue.meta(_SINCE)):
        return None
    chunks = len(catalogue.chunk_ids())
    if chunks <= AT_ONCE_CHUNKS:
        return 0.0
    wait_s = min(chunks * _WAIT_S_PER_CHUNK, _LONGEST_S)
    return min(wait_s, float(since) + wait_s - time.time())  # the clock may have been put back


def said(catalogue: Catalogue) -> str:
    """What of removed documents the index files still hold, and until when; empty if nothing.

    Raises:
        DataDirectoryError: the catalogue cannot be read.
    """
    if (wait_s := left_s(catalogue)) is None:
        return ""
    until = "now" if wait_s <= 0 else datetime.fromtimestamp(time.time() + wait_s, UTC).strftime("after %Y-%m-%d %H:%M UTC")
    return (
        f"what was removed or replaced still lies in the files of the indexes, which are made anew {until}; "
        "`chatbot verify --repair` does it at once"
    )

"""The end of a process in the middle of what it writes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import Engine, event


class Stopped(Exception):
    """Stands for the end of the process."""


def stopped_after(statements: int, act: Callable[[], object], *kinds: str) -> bool:
    """Stop `act` before a writing statement, of some kinds or of any; false if there were no more than `statements`.

    Statements of other threads (one of them builds indexes anew) are neither counted nor stopped: they come when they like.
    """
    count, ours = 0, threading.get_ident()

    def stop(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal count
        if threading.get_ident() != ours:
            return
        count += statement.startswith(kinds or ("INSERT", "UPDATE", "DELETE"))
        if count > statements:
            raise Stopped

    event.listen(Engine, "before_cursor_execute", stop)
    try:
        act()
    except Stopped:
        return True
    finally:
        event.remove(Engine, "before_cursor_execute", stop)
    return False

"""Why a PostgreSQL server let nobody in, by its number: the driver passes on the server's words only, which have a language."""

from __future__ import annotations

import re
import select
import tempfile
import time
from collections.abc import Mapping
from typing import Any

_REFUSAL = re.compile(rb'ErrorResponse\s.*? C "([0-9A-Z]{5})"')


def sqlstate(parameters: Mapping[str, Any], wait_s: float) -> str:
    """Connect once more, with libpq writing down what the server sends; "" where no server refuses us within `wait_s` seconds.

    Source: PQtrace, postgresql.org/docs/current/libpq-control.html; from libpq 18 it hears the sign-in too.
    """
    from psycopg import conninfo, pq

    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    place = conninfo.make_conninfo("", **{name: value for name, value in parameters.items() if name in known})
    with tempfile.TemporaryFile() as heard:
        connection = pq.PGconn.connect_start(place.encode())
        try:
            if connection.status != pq.ConnStatus.BAD:
                connection.trace(heard.fileno())
                _poll(connection, time.monotonic() + wait_s)
                connection.untrace()
        finally:
            connection.finish()
        heard.seek(0)
        refusals = _REFUSAL.findall(heard.read())
    return refusals[-1].decode() if refusals else ""


def _poll(connection: Any, ends: float) -> None:
    """Until the connection stands, fails, or `ends` (of the monotonic clock) is past."""
    from psycopg.pq import PollingStatus

    while (status := connection.connect_poll()) in (PollingStatus.READING, PollingStatus.WRITING):
        readers = [connection.socket] if status == PollingStatus.READING else []
        writers = [connection.socket] if status == PollingStatus.WRITING else []
        if (left := ends - time.monotonic()) <= 0 or not any(select.select(readers, writers, [], left)):
            return

"""Server-Sent Events, read from bytes that arrive in pieces of any size. It knows nothing about what the events say.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, less the lone carriage return as a line end, which no
server of this protocol sends.
"""

from __future__ import annotations

MAX_EVENT = 8 * 1024 * 1024
"""Bytes. An event is a token or a short list of them; a line without end must not fill the memory."""


class EventTooLong(ValueError):
    """An event passed `MAX_EVENT` without an end."""


class Events:
    """Cuts a stream into the data of its events; comments and other fields are skipped."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._held = 0
        self._data: list[bytes] = []
        self._taken = 0
        """Bytes of `_data`, line ends included: lines without a word count too."""

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of every event that ends in this piece.

        Raises:
            EventTooLong: see there.
        """
        if b"\n" not in piece:  # kept as pieces: joining at each would take the square of the event's length
            self._hold(piece)
            return []
        *lines, rest = b"".join([*self._rest, piece]).split(b"\n")
        self._rest = []
        events = [data for line in lines if (data := self._take(line.removesuffix(b"\r"))) is not None]
        self._held = self._taken
        self._hold(rest)
        return events

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > MAX_EVENT:
            raise EventTooLong(f"an event is longer than {MAX_EVENT:,} bytes")
        if piece:
            self._rest.append(piece)

    def _take(self, line: bytes) -> bytes | None:
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            self._taken += len(self._data[-1]) + 1
        elif not line and self._data:
            data, self._data, self._taken = self._data, [], 0
            return data[0] if len(data) == 1 else b"\n".join(data)
        return None

"""JSON on the wire, written and read: Server-Sent Events, and JSON a line. Only a line feed ends a line here.

JSON may hold three characters raw at which `str.splitlines`, and many a client, ends one too; they are written as escapes.
"""

from __future__ import annotations

_ENDS = {character: f"\\u{ord(character):04x}" for character in "\x85\u2028\u2029"}


def json_line(json: str) -> str:
    """One value of a stream of JSON lines."""
    for character, escape in _ENDS.items():
        if character in json:
            json = json.replace(character, escape)
    return json + "\n"


def server_sent(data: str, **fields: str | int) -> str:
    """One Server-Sent Event whose data is JSON."""
    return "".join(f"{name}: {value}\n" for name, value in fields.items()) + f"data: {json_line(data)}\n"


def data_of(line: str) -> str | None:
    """The JSON of a Server-Sent Event, if this is its line with the data."""
    return line.removeprefix("data: ") if line.startswith("data: ") else None


class Lines:
    """Cuts bytes that arrive in pieces of any size into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that end in this piece, without their ends."""
        # no character of several bytes has a line feed in it, so that a whole line is whole characters
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return [line.decode() for line in lines]

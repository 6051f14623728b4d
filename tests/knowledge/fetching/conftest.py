"""An internet of one server on loopback, where every name leads to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from internet import PUBLIC, Internet, Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def internet(server: Server) -> Internet:
    internet = Internet(server)
    internet.names["example.org"] = lambda: [PUBLIC]
    return internet

"""One real vLLM server for the whole session, started only when it is asked for: it takes two minutes and 3.5 GB of memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import environment
from .server import VllmServer, free_port

HERE = Path(__file__).parent
NOT_ASKED = pytest.mark.skip(reason="starts a vLLM server, so it must be asked for: python -m pytest -n0 -m vllm tests/vllm")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = "vllm" in config.getoption("markexpr")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("vllm")
            if not asked:
                item.add_marker(NOT_ASKED)


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """The server, shared by every test: who ends it starts it again."""
    if environment.python() is None:
        pytest.skip(f"no vLLM environment in {environment.folder()}; build it with: {environment.COMMAND}")
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("every worker would start a vLLM server of its own; add -n0")
    server = VllmServer(log=tmp_path_factory.mktemp("vllm") / "server.log", port=free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()

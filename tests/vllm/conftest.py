"""One real vLLM server for the whole session, started only when it is asked for: it takes two minutes and 3.5 GB of memory.

`-m vllm` takes the CPU build; `-m gpu` takes the vLLM of a GPU host, which holds the same contract and its throughput.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import environment
from .server import VllmServer, free_port

HERE = Path(__file__).parent
NOT_ASKED = pytest.mark.skip(reason="starts a vLLM server, so it must be asked for: python -m pytest -n0 -m vllm tests/vllm")


NO_GPU = pytest.mark.skip(reason="needs a GPU host: set CHATBOT_VLLM_PYTHON to the Python of its vLLM, and ask with -m gpu")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = set(config.getoption("markexpr").split())
    for item in items:
        if HERE not in item.path.parents:
            continue
        if not item.get_closest_marker("gpu"):  # what is not for GPUs alone holds on both
            item.add_marker("vllm")
        item.add_marker("gpu")
        if "gpu" in asked and not os.environ.get("CHATBOT_VLLM_PYTHON"):
            item.add_marker(NO_GPU)
        elif not {"vllm", "gpu"} & asked:
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

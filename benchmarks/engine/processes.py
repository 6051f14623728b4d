"""The processes of a run: the model server, the product, the peer, and workers that measure themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

ROOT = Path(__file__).parents[2]


class Serving(NamedTuple):
    url: str
    pid: int


class NotRun(Exception):
    """A row that cannot be measured here; the message says why."""


@contextmanager
def fake_vllm(tokens: int, rate: float, prefill_ms: float) -> Generator[Serving]:
    """A model server; `rate` is tokens per second of each stream."""
    arguments = ["-m", "tests.fake_vllm", "--tokens", str(tokens), "--rate", str(rate), "--prefill", str(prefill_ms)]
    with _serving(arguments, ROOT, "ready at ", {}) as serving:
        yield serving


@contextmanager
def chatbot(data: Path, upstream: str) -> Generator[Serving]:
    """`chatbot serve` with the engine under test, ready to answer."""
    environment = engine_environment(data, upstream)
    with _serving(["-m", "chatbot", "serve", "--port", "0"], data.parent, "chatbot is starting at ", environment) as serving:
        _wait(serving.url)
        yield serving


@contextmanager
def peer(folder: Path, upstream: str) -> Generator[Serving]:
    """LangChain's chain behind FastAPI over the same documents."""
    arguments = ["-m", "benchmarks.engine.peer", "--folder", str(folder), "--upstream", upstream]
    with _serving(arguments, ROOT, "ready at ", {"ANONYMIZED_TELEMETRY": "False"}) as serving:
        yield serving


def engine_environment(data: Path, upstream: str) -> dict[str, str]:
    """The product's settings for a run."""
    return {
        "CHATBOT_DATA_DIR": str(data),
        "CHATBOT_ENGINE": "vllm",
        "CHATBOT_VLLM__URL": upstream,
        "CHATBOT_CACHE__MATCH": "off",  # what making an answer costs is measured
    }


def prepare(data: Path) -> None:
    """Read the built-in knowledge, so that no measured process has to."""
    environment = {**_environment(), "CHATBOT_DATA_DIR": str(data), "CHATBOT_ENGINE": "extractive"}
    command = [sys.executable, "-m", "chatbot", "sync"]
    data.mkdir(parents=True, exist_ok=True)
    subprocess.run(command, cwd=data.parent, env=environment, check=True, stdout=subprocess.DEVNULL)


def worker(module: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None, niced: bool = False) -> Any:
    """Run a module that prints one JSON document.

    Raises:
        NotRun: it ended in an error.
    """
    command = [*(["nice", "-n", "10"] if niced else []), sys.executable, "-m", module, *arguments]
    ended = subprocess.run(
        command, cwd=ROOT, env={**_environment(), **(environment or {})}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise NotRun(ended.stderr.strip().rpartition("\n")[2] or f"exit status {ended.returncode}")
    return json.loads(ended.stdout)


def stats(url: str) -> dict[str, Any]:
    """What the model server has seen."""
    return httpx.get(f"{url}/stats").json()


def sockets(pid: int) -> int:
    """Sockets a process has open, listening ones too."""
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += os.readlink(link).startswith("socket:")
        except FileNotFoundError:  # closed between the listing and the look
            continue
    return count


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}


@contextmanager
def _serving(arguments: list[str], folder: Path, ready: str, environment: Mapping[str, str]) -> Generator[Serving]:
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env={**_environment(), **environment}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = next((line for line in process.stdout if ready in line), "")
    try:
        if not line:
            raise NotRun(f"{' '.join(arguments[:3])} ended with status {process.wait(10)}")
        yield Serving(line.rpartition(" ")[2].strip(), process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str) -> None:
    for _ in range(1200):
        try:
            if httpx.get(f"{url}/readyz").json()["page"]:
                return
        except httpx.TransportError as error:
            raise NotRun("the server ended while it started") from error
        time.sleep(0.1)
    raise NotRun("the server was not ready in two minutes")

"""One real vLLM server, on the CPU, over the tiny model.

    python -m tests.vllm.server    runs it in the foreground until Ctrl+C, for trying things by hand

Knows nothing about pytest or the application.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from . import environment

START_S = 300
STOP_S = 20

KEY = "tiny-key"
CONTEXT_TOKENS = 8192
SEATS = 8
"""Requests that run at once; more wait."""
MAX_IN_FLIGHT = 40
"""Requests that run or wait; one more is answered with 503."""
CACHE_BLOCK_TOKENS = 32
"""What the prefix cache counts in. The CPU build's own 128 is longer than most of the tests' prompts."""


@dataclass
class VllmServer:
    """A server that can be ended and started again at the same address."""

    log: Path
    port: int
    key: str = KEY
    model: str = environment.MODEL
    adapter: str = environment.ADAPTER
    """The model's LoRA adapter, asked for by this name in the place of the model's."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it is healthy.

        Raises:
            RuntimeError: it ended, or was not healthy in time; with the end of its log.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            # a session of its own: the engine and its workers are ended together, and Ctrl+C reaches pytest alone
            self.process = subprocess.Popen(
                command(self.port, self.key),
                cwd=self.log.parent,
                # one thread, and that not spinning: on two cores tokens would otherwise leave the server in heaps
                env=environment.variables()
                | {"VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._healthy():
            code = self.process.poll()
            if code is None and time.monotonic() < deadline:
                time.sleep(0.5)
                continue
            self.kill()
            reason = f"was not healthy after {START_S} s" if code is None else f"ended with {code}"
            raise RuntimeError(f"the vLLM server {reason}; the end of {self.log}:\n{_tail(self.log)}")

    def stop(self) -> None:
        """End it as Ctrl+C does, and by force if it does not end in time."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_S)
        self.kill()  # a worker may outlive the server

    def kill(self) -> None:
        """End it with everything it started, at once, as a crash does."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # all of them have ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def restart(self) -> None:
        """Start it after a `kill`, or stop it first."""
        self.stop()
        self.start()

    def metrics(self, **labels: str) -> dict[str, float]:
        """The samples of /metrics by name, summed over all label sets that have `labels`; without the buckets of histograms."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as response:
            return samples(response.read().decode(), **labels)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False


def command(port: int, key: str) -> list[str]:
    """The command line of the server, without the variables it needs."""
    made = environment.models()
    model, adapter = environment.MODEL, environment.ADAPTER
    return [
        str(environment.python()),
        *("-m", "vllm.entrypoints.openai.api_server"),  # the `vllm` command asks for a distribution of that name
        *("--model", str(made / model), "--served-model-name", model),
        *("--host", "127.0.0.1", "--port", str(port), "--api-key", key),
        *("--enforce-eager", "--max-model-len", str(CONTEXT_TOKENS)),
        *("--block-size", str(CACHE_BLOCK_TOKENS), "--enable-prompt-tokens-details"),
        *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        *("--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"{adapter}={made / adapter}"),
        *("--scheduling-policy", "priority", "--max-num-seqs", str(SEATS), "--max-num-queued-reqs", str(MAX_IN_FLIGHT)),
    ]


def samples(text: str, **labels: str) -> dict[str, float]:
    """Read Prometheus' text format; see `VllmServer.metrics`."""
    totals: defaultdict[str, float] = defaultdict(float)
    for name, given, value in re.findall(r"^([\w:]+)(\{.*\})? (\S+)$", text, re.MULTILINE):
        if not name.endswith("_bucket") and all(f'{label}="{wanted}"' in given for label, wanted in labels.items()):
            totals[name] += float(value)
    return dict(totals)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def main() -> int:
    if environment.python() is None:
        print(f"there is no vLLM environment; build it with: {environment.COMMAND}", file=sys.stderr)
        return 1
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs in the background deaf to the first
        signal.signal(ending, signal.default_int_handler)
    server = VllmServer(log=Path(tempfile.mkdtemp(prefix="vllm-")) / "server.log", port=free_port())
    print(f"starting, which takes one to three minutes; log: {server.log}", flush=True)
    try:
        server.start()
        print(f"ready: curl {server.url}/v1/models -H 'Authorization: Bearer {server.key}'", flush=True)
        assert server.process is not None
        server.process.wait()
    except KeyboardInterrupt:
        print("stopping")
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

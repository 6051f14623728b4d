"""The fake server as a process; prints one ready line.

python -m tests.fake_vllm [--port 0] [--tokens 64] [--rate 100] [--prefill 50]
"""

from __future__ import annotations

import argparse
import asyncio
import signal

from .script import Answer, words
from .server import FakeVllm


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0, help="tokens per second of each stream; 0: all at once")
    parser.add_argument("--prefill", type=float, default=0, help="milliseconds before the first token")
    parser.add_argument("--max-model-len", type=int, default=32768)
    given = parser.parse_args()
    answer = Answer(words(given.tokens), gap_s=1 / given.rate if given.rate else 0, prefill_s=given.prefill / 1000)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with FakeVllm(answer, port=given.port, max_model_len=given.max_model_len) as server:
        server.remember = False
        print(f"ready at {server.url}", flush=True)
        await stopping.wait()


if __name__ == "__main__":
    asyncio.run(_main())

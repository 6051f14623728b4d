"""How much of a conversation's prompts a real vLLM server finds in its prefix cache.

    python -m benchmarks.prefix_cache

Starts the CPU server of tests/vllm over its tiny model, and asks six questions that build on each other, over the built-in
knowledge, twice: with the passages of earlier turns in their place, as the product does it, and with the passages of the new
question alone, as most systems do it. Target: at least .7 of the prompt tokens after the first turn.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import NamedTuple

from chatbot.bootstrap import open_application
from chatbot.schema import Answer, Message, Query
from chatbot.settings import Settings
from tests.vllm import environment
from tests.vllm.server import CACHE_BLOCK_TOKENS, CONTEXT_TOKENS, VllmServer, free_port

QUESTIONS = (
    "What is nucleus sampling?",
    "How does it differ from top-k sampling?",
    "What does temperature do to it?",
    "And which of them does beam search replace?",
    "Why can it still make a model hallucinate?",
    "How is that measured?",
)
ANSWER_TOKENS = 120
MODES = ("passages stay in place", "passages replaced each turn")


class Turn(NamedTuple):
    prompt: int
    cached: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    if environment.python() is None:
        raise SystemExit(f"not run: there is no vLLM environment; build it with: {environment.COMMAND}")
    with tempfile.TemporaryDirectory() as folder:
        server = VllmServer(log=Path(folder) / "server.log", port=free_port())
        try:
            server.start()
            print(f"context {CONTEXT_TOKENS:,}, blocks of {CACHE_BLOCK_TOKENS} tokens, answers of {ANSWER_TOKENS}")
            for mode in MODES:
                before = server.metrics()
                turns = asyncio.run(_conversation(server, Path(folder) / "data", mode))
                _print(mode, turns, before, server.metrics())
        finally:
            server.stop()


async def _conversation(server: VllmServer, data: Path, mode: str) -> list[Turn]:
    vllm = {
        "url": server.url,
        "api_key": server.key,
        "cache_salt": mode,
        "sampling": {"max_tokens": ANSWER_TOKENS, "min_tokens": ANSWER_TOKENS},
    }
    settings = Settings.model_validate({"data_dir": data, "engine": "vllm", "vllm": vllm})
    history: list[Message] = []
    turns: list[Turn] = []
    with open_application(settings) as application:
        async with application.engine.open():
            for question in QUESTIONS:
                answer = await application.pipeline.complete(Query(text=question, history=tuple(history)))
                turns.append(Turn(answer.usage.prompt_tokens, answer.usage.cached_tokens))
                history += [Message(role="user", content=question), _said(answer, keep=mode == MODES[0])]
    return turns


def _said(answer: Answer, keep: bool) -> Message:
    if not keep:
        return Message(role="assistant", content=answer.text)
    cited = tuple(citation.chunk_id for citation in answer.citations)
    return Message(role="assistant", content=answer.text, chunks=answer.manifest.chunks, cited=cited)


def _print(mode: str, turns: list[Turn], before: dict[str, float], after: dict[str, float]) -> None:
    print(f"\n{mode}")
    for number, turn in enumerate(turns, 1):
        print(f"  turn {number}: {turn.prompt:>5} prompt tokens, {turn.cached:>5} cached ({turn.cached / turn.prompt:.2f})")
    later = turns[1:]
    hits = sum(turn.cached for turn in later) / sum(turn.prompt for turn in later)
    asked, found = (
        after[f"vllm:prefix_cache_{name}_total"] - before[f"vllm:prefix_cache_{name}_total"] for name in ("queries", "hits")
    )
    print(f"  after turn 1: {hits:.3f}; /metrics, rewriting of follow-ups included: {found / asked:.3f} of {asked:.0f} tokens")


if __name__ == "__main__":
    main()

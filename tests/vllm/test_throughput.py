"""What a GPU host gives through the engine when many ask at once. The weights are random: this is about server and engine."""

from __future__ import annotations

import asyncio
import time

import pytest
from langchain_core.messages import HumanMessage

from chatbot.engines.vllm_server import VllmEngine, build_engine
from chatbot.sections import VllmSettings

from .server import VllmServer

pytestmark = pytest.mark.gpu

STREAMS, TOKENS = 32, 256


async def test_many_streams_come_whole_and_their_speed_is_printed(
    vllm_server: VllmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = build_engine(VllmSettings.model_validate({"url": vllm_server.url, "api_key": vllm_server.key}))
    async with engine.http:
        begun = time.monotonic()
        counts = await asyncio.gather(*(_tokens(engine, number) for number in range(STREAMS)))
        seconds = time.monotonic() - begun

    assert counts == [TOKENS] * STREAMS
    with capsys.disabled():
        print(f"\n{STREAMS} streams of {TOKENS} tokens: {sum(counts) / seconds:,.0f} tokens/s")


async def _tokens(engine: VllmEngine, number: int) -> int:
    counted = 0
    async for piece in engine.astream([HumanMessage(f"Count from {number}.")], max_tokens=TOKENS, min_tokens=TOKENS):
        if piece.usage_metadata:
            counted += piece.usage_metadata["output_tokens"]
    return counted

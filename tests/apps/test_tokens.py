"""chatbot tokens: how the served model cuts a text."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from fake_vllm import FakeVllm

from chatbot.apps import terminal
from chatbot.engines.vllm_server import build_engine
from chatbot.sections import VllmSettings


@pytest.fixture
async def server() -> AsyncIterator[FakeVllm]:
    async with FakeVllm() as server:
        yield server


async def test_each_token_has_its_id_and_its_text(server: FakeVllm, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = await build_engine(VllmSettings(url=server.url)).models.tokens("eight by")

    terminal.tokens(tokens, as_json=False)
    terminal.tokens(tokens, as_json=True)

    assert tokens == [(0, "0"), (1, "1")]
    lines, _, parsed = capsys.readouterr().out.partition("2 tokens\n")
    assert lines.split() == ["0", "'0'", "1", "'1'"]
    assert json.loads(parsed) == {"count": 2, "tokens": [{"id": 0, "text": "0"}, {"id": 1, "text": "1"}]}

"""The server the other tests here talk to is a real one and says what the application relies on, over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .server import CONTEXT_TOKENS, VllmServer

QUESTION = [{"role": "user", "content": "What is nucleus sampling?"}]


@pytest.fixture
def client(vllm_server: VllmServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=vllm_server.url, headers={"Authorization": f"Bearer {vllm_server.key}"}, timeout=60) as client:
        yield client


def _events(response: httpx.Response) -> list[Any]:
    """The chunks of a stream, which must end as OpenAI's do."""
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def _prompt(client: httpx.Client, body: dict[str, Any]) -> str:
    """The text that the chat template made of a request."""
    request = body | {"max_tokens": 1, "return_token_ids": True}
    tokens = client.post("/v1/chat/completions", json=request).raise_for_status().json()["prompt_token_ids"]
    return client.post("/detokenize", json={"model": body["model"], "tokens": tokens}).raise_for_status().json()["prompt"]


def test_it_lists_the_model_and_the_adapter_with_its_parent(client: httpx.Client, vllm_server: VllmServer) -> None:
    models = {each["id"]: each for each in client.get("/v1/models").raise_for_status().json()["data"]}

    assert models.keys() == {vllm_server.model, vllm_server.adapter}
    assert models[vllm_server.model]["max_model_len"] == CONTEXT_TOKENS
    assert models[vllm_server.adapter]["parent"] == vllm_server.model


def test_a_stream_ends_with_a_reason_and_the_usage(client: httpx.Client, vllm_server: VllmServer) -> None:
    body = {"model": vllm_server.model, "messages": QUESTION, "max_tokens": 12, "ignore_eos": True, "temperature": 0}
    ended = "vllm:request_success_total"
    before = vllm_server.metrics(finished_reason="length")[ended]

    events = _events(client.post("/v1/chat/completions", json=body | {"stream": True, "stream_options": {"include_usage": True}}))

    *_, last, usage = events
    assert last["choices"][0]["finish_reason"] == "length"
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 12)
    assert vllm_server.metrics(finished_reason="length")[ended] == before + 1


def test_the_adapter_says_something_else(client: httpx.Client, vllm_server: VllmServer) -> None:
    said = {}
    for model in (vllm_server.model, vllm_server.adapter):
        body = {"model": model, "messages": QUESTION, "max_tokens": 20, "ignore_eos": True, "temperature": 0}
        said[model] = client.post("/v1/chat/completions", json=body).raise_for_status().json()["choices"][0]["message"]["content"]

    assert said[vllm_server.model] != said[vllm_server.adapter]


def test_a_prompt_seen_before_is_taken_from_the_cache_and_counted(client: httpx.Client, vllm_server: VllmServer) -> None:
    body = {"model": vllm_server.model, "messages": [{"role": "user", "content": "a language model " * 40}], "max_tokens": 1}
    hits = vllm_server.metrics().get("vllm:prefix_cache_hits_total", 0)

    first, second = (client.post("/v1/chat/completions", json=body).raise_for_status().json()["usage"] for _ in range(2))

    cached = second["prompt_tokens_details"]["cached_tokens"]
    assert 0 < cached < second["prompt_tokens"] == first["prompt_tokens"]
    assert vllm_server.metrics()["vllm:prefix_cache_hits_total"] >= hits + cached


def test_v1_needs_the_key_and_health_does_not(vllm_server: VllmServer) -> None:
    assert httpx.get(f"{vllm_server.url}/v1/models").status_code == 401
    assert httpx.get(f"{vllm_server.url}/health").status_code == 200


def test_documents_stand_in_the_prompt(client: httpx.Client, vllm_server: VllmServer) -> None:
    body: dict[str, Any] = {"model": vllm_server.model, "messages": QUESTION}
    documents = [{"title": "Sampling", "text": "Nucleus sampling keeps the likeliest tokens."}]

    bare, full = _prompt(client, body), _prompt(client, body | {"documents": documents})

    assert bare == "<|im_start|>user\nWhat is nucleus sampling?<|im_end|>\n<|im_start|>assistant\n"
    assert full.endswith(bare)
    assert "[1] Sampling: Nucleus sampling keeps the likeliest tokens." in full


def test_tokenize_counts_what_the_request_will_count(client: httpx.Client, vllm_server: VllmServer) -> None:
    body = {"model": vllm_server.model, "messages": QUESTION}

    counted = client.post("/tokenize", json=body).raise_for_status().json()["count"]
    usage = client.post("/v1/chat/completions", json=body | {"max_tokens": 1}).raise_for_status().json()["usage"]

    assert counted == usage["prompt_tokens"]


def test_what_does_not_fit_is_refused(client: httpx.Client, vllm_server: VllmServer) -> None:
    body = {"model": vllm_server.model, "messages": [{"role": "user", "content": "✓" * CONTEXT_TOKENS}]}

    answer = client.post("/v1/chat/completions", json=body)

    assert answer.status_code == 400
    assert "maximum context length" in answer.json()["error"]["message"]

"""The vLLM engine held to its contract by a real server: parameters by their effect, for it ignores what it does not know.

The weights are random, so nothing here says anything about quality.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from chatbot.engines.vllm_server import VllmEngine, build_engine
from chatbot.errors import BadParameter, EngineBusy, EngineUnreachable, KeyRefused, ModelNotServed, PromptTooLong
from chatbot.sections import VllmSettings

from .server import CONTEXT_TOKENS, MAX_IN_FLIGHT, SEATS, VllmServer

ASKED: list[BaseMessage] = [SystemMessage("Be brief."), HumanMessage("What is a kettle?")]


@pytest.fixture
async def engine(vllm_server: VllmServer) -> AsyncIterator[VllmEngine]:
    engine = _engine(vllm_server)
    async with engine.http:
        yield engine


def _engine(server: VllmServer, **settings: Any) -> VllmEngine:
    given = {"url": server.url, "api_key": server.key, "sampling": {"max_tokens": 24}, **settings}
    return build_engine(VllmSettings.model_validate(given))


async def _said(engine: VllmEngine, **options: Any) -> str:
    return (await engine.ainvoke(ASKED, **options)).text


async def _answer(engine: VllmEngine, **options: Any) -> AIMessage:
    return await engine.ainvoke(ASKED, **options)


async def _logprobs(engine: VllmEngine, **options: Any) -> list[dict[str, Any]]:
    message = await _answer(engine, logprobs=20, **options)
    return message.response_metadata["logprobs"]["content"]


# what the likeliest tokens are


async def test_greedy_says_the_same_twice_and_takes_the_likeliest_token(engine: VllmEngine) -> None:
    assert await _said(engine) == await _said(engine)
    for token in await _logprobs(engine):
        assert token["logprob"] == max(other["logprob"] for other in token["top_logprobs"])


async def test_streaming_says_what_asking_at_once_says(engine: VllmEngine) -> None:
    pieces = [piece async for piece in engine.astream(ASKED)]

    assert "".join(piece.text for piece in pieces) == await _said(engine)
    counted = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
    assert [each["output_tokens"] for each in counted] == [24]
    assert counted[0]["input_tokens"] == await engine.models.count(ASKED)


async def test_temperature_flattens_the_choice(engine: VllmEngine) -> None:
    drawn = {await _said(engine, temperature=1.5, seed=seed) for seed in range(4)}

    assert len(drawn) == 4


async def test_the_same_seed_draws_the_same(engine: VllmEngine) -> None:
    first, again, other = [await _said(engine, temperature=1, seed=seed) for seed in (7, 7, 8)]

    assert first == again
    assert first != other


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1}])
async def test_a_choice_of_one_is_greedy_at_any_temperature(engine: VllmEngine, narrow: dict[str, Any]) -> None:
    assert await _said(engine, temperature=2, seed=1, **narrow) == await _said(engine)


async def test_top_k_draws_only_from_the_k_likeliest(engine: VllmEngine) -> None:
    for token in await _logprobs(engine, temperature=2, seed=3, top_k=3):
        likeliest = sorted((other["logprob"] for other in token["top_logprobs"]), reverse=True)[:3]
        assert token["logprob"] >= likeliest[-1]


@pytest.mark.parametrize("penalty", [{"frequency_penalty": 2}, {"presence_penalty": 2}, {"repetition_penalty": 2}])
async def test_a_penalty_changes_what_is_said_again(engine: VllmEngine, penalty: dict[str, Any]) -> None:
    assert await _said(engine, max_tokens=60, **penalty) != await _said(engine, max_tokens=60)


@pytest.mark.parametrize("preset", ["precise", "balanced", "creative"])
async def test_each_preset_is_taken(vllm_server: VllmServer, preset: Literal["precise", "balanced", "creative"]) -> None:
    assert await _said(_engine(vllm_server, preset=preset))


# how long it goes on


async def test_max_tokens_cuts_and_says_so(engine: VllmEngine) -> None:
    message = await _answer(engine, max_tokens=5)

    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 5
    assert message.response_metadata["finish_reason"] == "length"


async def test_stop_ends_before_the_text_it_names(engine: VllmEngine) -> None:
    whole = await _said(engine, max_tokens=40)
    stop = whole[10:13]

    message = await _answer(engine, max_tokens=40, stop=[stop])

    assert message.text == whole[: whole.index(stop)]
    assert message.response_metadata["finish_reason"] == "stop"


async def test_min_tokens_keeps_it_from_ending(engine: VllmEngine) -> None:
    for seed in range(3):
        message = await _answer(engine, temperature=2, seed=seed, min_tokens=20, max_tokens=20)
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_tokens"] == 20


# several answers


async def test_n_gives_so_many_answers(engine: VllmEngine) -> None:
    result = await engine.agenerate([ASKED], n=3, temperature=1, seed=5)

    assert len({generation.text for generation in result.generations[0]}) == 3


async def test_beam_search_finds_a_likelier_text_than_greedy(engine: VllmEngine) -> None:
    beams = (await engine.agenerate([ASKED], beam_width=4, max_tokens=12)).generations[0]
    streamed = [piece.text async for piece in engine.astream(ASKED, beam_width=4, max_tokens=12)]

    assert len({beam.text for beam in beams}) == 4
    assert "".join(streamed) == beams[0].text


async def test_logprobs_are_of_the_tokens_that_were_said(engine: VllmEngine) -> None:
    message = await _answer(engine, logprobs=2)

    tokens = message.response_metadata["logprobs"]["content"]
    assert message.usage_metadata is not None
    assert len(tokens) == message.usage_metadata["output_tokens"]
    assert all(len(token["top_logprobs"]) == 2 and token["logprob"] <= 0 for token in tokens)
    assert all(math.isfinite(token["logprob"]) for token in tokens)


async def test_log_probabilities_of_a_text_are_those_of_its_tokens(engine: VllmEngine) -> None:
    text = "The kettle holds four litres."
    alone, twice = [await engine.log_probabilities(each) for each in (text, f"{text} {text}")]

    assert len(alone) >= 6
    assert all(each < 0 for each in alone)
    assert twice[: len(alone)] == pytest.approx(alone, abs=0.05), "what stands behind a token does not change it"
    with pytest.raises(PromptTooLong):
        await engine.log_probabilities(text * CONTEXT_TOKENS)


async def test_streamed_logprobs_are_all_there(engine: VllmEngine) -> None:
    whole = None
    async for piece in engine.astream(ASKED, logprobs=1):
        whole = piece if whole is None else whole + piece

    assert whole is not None
    assert len(whole.response_metadata["logprobs"]["content"]) == 24


# structured output


class Review(BaseModel):
    label: Literal["good", "bad"]
    stars: int = Field(ge=1, le=5)
    words: list[Literal["short", "long"]] = Field(max_length=3)


async def test_a_pydantic_model_comes_filled_in(engine: VllmEngine) -> None:
    review = await engine.with_structured_output(Review).ainvoke(ASKED, max_tokens=200)

    assert isinstance(review, Review)


async def test_a_json_schema_comes_filled_in(engine: VllmEngine) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "additionalProperties": False}

    assert (await engine.with_structured_output(schema).ainvoke(ASKED, max_tokens=200))["a"] in {1, 2}


async def test_a_choice_and_a_pattern_are_kept_to(engine: VllmEngine) -> None:
    assert await _said(engine, structured_outputs={"choice": ["yes", "no"]}) in {"yes", "no"}
    assert (await _said(engine, structured_outputs={"regex": "[0-9]{4}-[0-9]{2}"})).replace("-", "").isdigit()


# tools


@tool
def weather(city: Literal["Oslo", "Rome"], unit: Literal["C", "F"]) -> str:
    """Weather of a city."""
    return f"{city} {unit}"


async def test_a_tools_arguments_follow_its_schema(engine: VllmEngine) -> None:
    bound = engine.bind_tools([weather], tool_choice="weather", parallel_tool_calls=False)

    message = await bound.ainvoke(ASKED, max_tokens=100)

    (call,) = message.tool_calls
    assert call["name"] == "weather"
    assert weather.invoke(call["args"])


async def test_a_streamed_tool_call_is_the_same(engine: VllmEngine) -> None:
    bound = engine.bind_tools([weather], tool_choice="weather", parallel_tool_calls=False)

    whole = None
    async for piece in bound.astream(ASKED, max_tokens=100):
        whole = piece if whole is None else whole + piece

    assert whole is not None
    assert weather.invoke(whole.tool_calls[0]["args"])  # type: ignore[attr-defined]  a chunk of an AIMessage


# what it reads


async def test_documents_reach_a_template_that_has_a_place_for_them(engine: VllmEngine) -> None:
    plain = (await _answer(engine)).usage_metadata
    documents = [{"title": "Kettles", "text": "A kettle boils water. " * 10}]

    with_documents = (await _answer(engine, documents=documents)).usage_metadata

    assert plain is not None
    assert with_documents is not None
    assert with_documents["input_tokens"] > plain["input_tokens"] + 20


async def test_an_answer_that_was_begun_is_gone_on_with(engine: VllmEngine) -> None:
    begun: list[BaseMessage] = [HumanMessage("Count."), AIMessage("one, two,")]

    message = await engine.ainvoke(begun, continue_final_message=True)

    assert message.usage_metadata is not None
    closed = await engine.models.count(begun)
    assert message.usage_metadata["input_tokens"] < closed


async def test_an_adapter_answers_by_its_name_and_otherwise(engine: VllmEngine, vllm_server: VllmServer) -> None:
    adapted = _engine(vllm_server, model=vllm_server.adapter)

    assert await _said(adapted) == await _said(engine, model=vllm_server.adapter)
    assert await _said(adapted) != await _said(engine)
    assert (await adapted.models.context()).tokens == CONTEXT_TOKENS


async def test_a_repeated_prompt_comes_out_of_the_cache_unless_the_salt_differs(vllm_server: VllmServer) -> None:
    asked = [HumanMessage(f"At {time.time_ns()}: " + "the kettle is on the stove. " * 40)]

    async def cached(salt: str) -> int:
        usage = (await _engine(vllm_server, cache_salt=salt).ainvoke(asked)).usage_metadata
        assert usage is not None
        return usage.get("input_token_details", {}).get("cache_read", 0)

    assert [await cached("a"), await cached("a") > 100, await cached("b")] == [0, True, 0]


async def test_tokens_are_those_of_the_served_model(engine: VllmEngine) -> None:
    text = "Grüße aus 東京 😀"
    tokens = await engine.models.tokens(text)

    assert "".join(said for _, said in tokens).startswith("Gr")
    assert all(isinstance(id_, int) for id_, _ in tokens)
    assert len(await engine.models.tokens(text * 2)) == 2 * len(tokens)


# in what order, and how much at once


async def test_a_lower_number_is_served_before_those_that_wait(engine: VllmEngine, vllm_server: VllmServer) -> None:
    async def ask(priority: int, tokens: int) -> None:
        await _said(engine, priority=priority, max_tokens=tokens, min_tokens=tokens)

    # more than there are seats, and each so long that none ends while the other is on its way
    crowd = [asyncio.create_task(ask(10, 4000)) for _ in range(2 * SEATS)]
    assert await _gets_busy(vllm_server, SEATS)
    await ask(-10, 20)
    behind = sum(not task.done() for task in crowd)
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)

    assert behind >= SEATS


async def test_a_server_that_is_full_refuses_and_recovers(vllm_server: VllmServer) -> None:
    engine = _engine(vllm_server, retries=0)
    async with engine.http:
        asked = [_said(engine, max_tokens=300, min_tokens=300) for _ in range(2 * MAX_IN_FLIGHT)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        refused = [result for result in results if isinstance(result, EngineBusy)]

        assert refused
        assert [result for result in results if not isinstance(result, EngineBusy | str)] == []
        assert await _said(engine)


# what is refused


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"model": "llama"}, ModelNotServed, "llama.*tiny"),
        ({"structured_outputs": {"json": {}, "regex": "x"}}, BadParameter, "vLLM server refuses"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "strnig"}}}},
            BadParameter,
            "vLLM server refuses",
        ),
        ({"tools": [{"type": "function"}]}, BadParameter, "function"),
        ({"max_tokens": CONTEXT_TOKENS + 1}, BadParameter, "max_tokens"),
    ],
)
async def test_what_the_server_refuses_is_said_in_its_words(
    engine: VllmEngine, options: dict[str, Any], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        await _answer(engine, **options)
    with pytest.raises(kind, match=says):
        _ = [piece async for piece in engine.astream(ASKED, **options)]


async def test_a_prompt_without_room_is_refused_with_both_numbers(engine: VllmEngine) -> None:
    with pytest.raises(PromptTooLong, match=f"{CONTEXT_TOKENS}"):
        await engine.ainvoke("kettle " * CONTEXT_TOKENS)


async def test_a_wrong_key_is_refused(vllm_server: VllmServer) -> None:
    with pytest.raises(KeyRefused, match="CHATBOT_VLLM__API_KEY"):
        await _said(_engine(vllm_server, api_key="wrong"))


# aborts


async def _running(server: VllmServer) -> float:
    return (await asyncio.to_thread(server.metrics))["vllm:num_requests_running"]


async def _gets_busy(server: VllmServer, running: int) -> bool:
    for _ in range(100):
        if await _running(server) >= running:
            return True
        await asyncio.sleep(0.05)
    return False


async def _settles(server: VllmServer) -> bool:
    for _ in range(40):
        if not await _running(server):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_closing_the_stream_ends_the_servers_work(engine: VllmEngine, vllm_server: VllmServer) -> None:
    stream = engine.astream(ASKED, max_tokens=4000, min_tokens=4000)
    await anext(stream)
    assert await _running(vllm_server) == 1
    before = (await asyncio.to_thread(vllm_server.metrics))["vllm:generation_tokens_total"]

    await stream.aclose()  # type: ignore[attr-defined]  it is a generator

    assert await _settles(vllm_server)
    after = (await asyncio.to_thread(vllm_server.metrics))["vllm:generation_tokens_total"]
    assert after - before < 2000


async def test_cancelling_an_answer_in_one_piece_ends_the_servers_work(engine: VllmEngine, vllm_server: VllmServer) -> None:
    asking = asyncio.create_task(_said(engine, max_tokens=4000, min_tokens=4000))
    assert await _gets_busy(vllm_server, 1)

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await _settles(vllm_server)


# the last one, for it takes the server away and brings it back


async def test_a_server_that_dies_in_mid_answer_is_an_error_and_then_used_again(vllm_server: VllmServer) -> None:
    engine = _engine(vllm_server, retries=0)
    async with engine.http:
        stream = engine.astream(ASKED, max_tokens=7000, min_tokens=7000)
        await anext(stream)
        await asyncio.to_thread(vllm_server.kill)

        with pytest.raises(Exception, match="vLLM server"):
            async for _ in stream:
                pass
        with pytest.raises(EngineUnreachable):
            await _said(engine)

        await asyncio.to_thread(vllm_server.start)
        assert await _said(engine)
        assert json.dumps(await engine.models.tokens("again"))

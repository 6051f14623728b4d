from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from fake_vllm import Answer, FakeVllm, Refusal, words
from fake_vllm import script as scripts

QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How much?"}]}
STREAM = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(http: aiohttp.ClientSession, server: FakeVllm, body: Any = STREAM) -> tuple[int, bytes]:
    async with http.post(f"{server.url}/v1/chat/completions", json=body) as response:
        return response.status, await response.read()


async def read_into(body: bytearray, http: aiohttp.ClientSession, server: FakeVllm) -> None:
    async with http.post(f"{server.url}/v1/chat/completions", json=STREAM) as response:
        async for piece in response.content.iter_any():
            body += piece


def events(body: bytes) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def text(body: bytes) -> str:
    parts = [each for each in events(body) if each != "[DONE]" and each.get("choices")]
    return "".join(part["choices"][0]["delta"]["content"] for part in parts)


async def test_stream_has_role_deltas_finish_usage_and_done(http: aiohttp.ClientSession) -> None:
    async with FakeVllm(Answer(("Blue", " – ”.")), adapters=()) as server:
        status, body = await ask(http, server)
    role, first, second, finish, usage, done = events(body)
    assert status == 200
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [each["choices"][0]["delta"]["content"] for each in (first, second)] == ["Blue", " – ”."]
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 7, "total_tokens": 9, "completion_tokens": 2}
    assert done == "[DONE]"
    assert server.requests[0].body == STREAM
    assert server.tokens == 2


async def test_paced_stream_says_the_same_and_takes_its_time(http: aiohttp.ClientSession) -> None:
    said = words(20)
    async with FakeVllm(Answer(said, gap_s=0.005, prefill_s=0.02)) as server:
        begun = time.monotonic()
        bodies = await asyncio.gather(*(ask(http, server) for _ in range(3)))
    assert {text(body) for _, body in bodies} == {"".join(said)}
    assert time.monotonic() - begun >= 0.02 + 19 * 0.005
    assert server.running == 0
    assert server.aborted == []


async def test_whole_answer_without_stream(http: aiohttp.ClientSession) -> None:
    async with FakeVllm(Answer(("It", " is."), cached_tokens=3)) as server:
        _, body = await ask(http, server, QUESTION)
    answer = json.loads(body)
    assert answer["choices"][0]["message"]["content"] == "It is."
    assert answer["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}


async def test_models_tokenize_health_and_metrics(http: aiohttp.ClientSession) -> None:
    async with FakeVllm(max_model_len=99) as server:
        models = await (await http.get(f"{server.url}/v1/models")).json()
        counted = await (await http.post(f"{server.url}/tokenize", json=QUESTION)).json()
        prompt = await (await http.post(f"{server.url}/tokenize", json={"prompt": "x" * 400})).json()
        health = await (await http.get(f"{server.url}/health")).read()
        metrics = await (await http.get(f"{server.url}/metrics")).text()
    model, adapter = models["data"]
    assert (model["id"], model["max_model_len"], model["parent"]) == ("fake", 99, None)
    assert (adapter["id"], adapter["parent"]) == ("fake-adapter", "fake")
    assert (counted["count"], counted["max_model_len"], len(counted["tokens"])) == (7, 99, 7)
    assert prompt["count"] == 100
    assert health == b""
    assert "vllm:num_requests_running{" in metrics


@pytest.mark.parametrize("tokens", [0, 5])
async def test_client_that_leaves_is_noticed_at_once(http: aiohttp.ClientSession, tokens: int) -> None:
    async with FakeVllm(Answer(faults=(scripts.Stall(tokens),))) as server:
        async with http.post(f"{server.url}/v1/chat/completions", json=STREAM) as response:
            seen = b""
            while tokens and seen.count(b"\n\n") < 1 + tokens:
                seen += await response.content.readany()
            assert server.running == 1
            left = time.monotonic()
            response.close()
        while not server.aborted:
            await asyncio.sleep(0)
        assert server.aborted[0].at_s - left < 0.1
        assert server.aborted[0].tokens == tokens
        assert server.aborted[0].question == "How much?"
        assert server.running == 0
        assert not server.connections


async def test_client_that_leaves_is_noticed_while_paced_and_while_flooded(http: aiohttp.ClientSession) -> None:
    for script in (Answer(words(10_000), gap_s=0.001), Answer(faults=(scripts.Endless(),)), Answer(prefill_s=9)):
        for body in (STREAM, QUESTION) if script.prefill_s else (STREAM,):
            async with FakeVllm(script) as server:
                asking = asyncio.create_task(ask(http, server, body))
                while not server.running:
                    await asyncio.sleep(0.001)
                await asyncio.sleep(0.02)
                asking.cancel()
                await asyncio.wait([asking])
                async with asyncio.timeout(1):
                    while not server.aborted:
                        await asyncio.sleep(0.001)
                assert server.running == 0


@pytest.mark.parametrize(
    ("fault", "whole"),
    [
        (scripts.Cut(before="head"), None),
        (scripts.Cut(), 0),
        (scripts.Cut(after=3), 4),
        (scripts.Cut(after=3, extra=20), 4),
        (scripts.Cut(after=3, reset=True), None),
        (scripts.Cut(before="done"), 43),
        (scripts.CutInCharacter(), None),
    ],
)
async def test_cut_connection_breaks_the_body(http: aiohttp.ClientSession, fault: scripts.Fault, whole: int | None) -> None:
    async with FakeVllm(Answer(words(40), faults=(fault,))) as server:
        body = bytearray()
        with pytest.raises(aiohttp.ClientError):
            await read_into(body, http, server)
    assert whole is None or body.count(b"\n\n") == whole
    if isinstance(fault, scripts.CutInCharacter):
        with pytest.raises(UnicodeDecodeError):
            body.decode()
    assert server.aborted == []


async def test_clean_cut_ends_in_order_without_done(http: aiohttp.ClientSession) -> None:
    async with FakeVllm(Answer(faults=(scripts.Cut(before="finish", clean=True),))) as server:
        _, cut = await ask(http, server)
        server.script = Answer(faults=(scripts.Without("done"),))
        _, without = await ask(http, server)
    assert text(cut) == text(without) == Answer().text
    assert b'finish_reason":"stop' not in cut
    assert b"DONE" not in without


@pytest.mark.parametrize("fault", [scripts.LineEnds(), scripts.Comments(), scripts.DataLines(), scripts.Split((1, 50, 51, 333))])
async def test_legal_ways_to_write_events_change_no_word(http: aiohttp.ClientSession, fault: scripts.Fault) -> None:
    async with FakeVllm([Answer(), Answer(faults=(fault,))]) as server:
        _, plain = await ask(http, server)
        _, other = await ask(http, server)
    lines = [line for line in other.replace(b"\r\n", b"\n").split(b"\n") if line.startswith((b"data:", b"")) and b":" in line]
    joined = b"".join(line[5:] for line in lines if line.startswith(b"data:"))
    assert joined.replace(b" ", b"") == b"".join(line[5:] for line in plain.split(b"\n\n")).replace(b" ", b"")
    assert (other == plain) is isinstance(fault, scripts.Split)


async def test_split_pieces_arrive_apart(http: aiohttp.ClientSession) -> None:
    async with (
        FakeVllm(Answer(faults=(scripts.Split((10, 300)),))) as server,
        http.post(f"{server.url}/v1/chat/completions", json=STREAM) as response,
    ):
        sizes = [len(piece) async for piece, end in response.content.iter_chunks() if end or piece]
    assert sizes[:2] == [10, 290]


async def test_engine_that_died_sends_an_error_event(http: aiohttp.ClientSession) -> None:
    async with FakeVllm(Answer(faults=(scripts.EngineDied(after=3),))) as server:
        status, body = await ask(http, server)
    *_, died, done = events(body)
    assert status == 200
    assert died["error"] == {"message": scripts.ENGINE_DEAD, "type": "InternalServerError", "param": None, "code": 500}
    assert done == "[DONE]"


async def test_garbage_goes_out_as_it_is(http: aiohttp.ClientSession) -> None:
    page = Refusal(200, b"<html>Sign in</html>", "text/html")
    raw = b"data: {not json \xff\n\n"
    async with FakeVllm([page, Answer(faults=(scripts.Insert(raw, after=2),))]) as server:
        assert await ask(http, server) == (200, b"<html>Sign in</html>")
        _, body = await ask(http, server)
    assert body.split(b"\n\n")[3] == raw.strip()


async def test_flood_of_tokens_and_an_event_of_megabytes(http: aiohttp.ClientSession) -> None:
    many = scripts.Endless(scripts.event({"choices": []}) * 100, times=1000, tokens=100)
    async with FakeVllm([Answer(("x" * 3_000_000,)), Answer(faults=(many,))]) as server:
        _, large = await ask(http, server)
        _, flood = await ask(http, server)
    assert len(text(large)) == 3_000_000
    assert flood.count(b"data: ") == 100_000 + 44
    assert server.tokens == 1 + 100_000 + 40


async def test_script_of_several_is_used_up_but_for_the_last(http: aiohttp.ClientSession) -> None:
    async with FakeVllm([scripts.busy(), scripts.busy(), Answer()]) as server:
        statuses = [(await ask(http, server))[0] for _ in range(4)]
    assert statuses == [503, 503, 200, 200]
    assert server.accepted == 1  # refusals leave the connection usable


async def test_refusals_have_the_servers_own_bodies(http: aiohttp.ClientSession) -> None:
    async with FakeVllm(max_model_len=64, api_key="secret") as server:
        status, body = await ask(http, server)
        assert (status, json.loads(body)) == (401, {"error": "Unauthorized"})
        http.headers["Authorization"] = "Bearer secret"
        status, body = await ask(http, server, {**STREAM, "model": "other"})
        assert (status, json.loads(body)["error"]["param"]) == (404, "model")
        status, body = await ask(http, server, {"messages": [{"role": "user", "content": "word " * 100}]})
        assert status == 400
        assert (
            "maximum context length is 64 tokens. However, your prompt contains at least 65"
            in json.loads(body)["error"]["message"]
        )
        server.script = scripts.too_many("3")
        async with http.post(f"{server.url}/v1/chat/completions", json=STREAM) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "3")
        server.script = scripts.bad_parameter()
        assert json.loads((await ask(http, server))[1])["error"]["param"] == "temperature"
        server.script = scripts.broken()
        assert (await ask(http, server))[0] == 500


async def test_idle_connection_can_be_dropped_between_requests(http: aiohttp.ClientSession) -> None:
    async with FakeVllm() as server:
        await ask(http, server)
        await asyncio.sleep(0.01)  # the client hands its connection back
        assert len(server.connections) == 1
        server.drop_idle()
        await asyncio.sleep(0.01)
        assert not server.connections
        await ask(http, server)
        assert server.accepted == 2

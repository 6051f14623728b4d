"""The vLLM engine over a scripted server: what it sends, and what it makes of the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import pytest
from fake_vllm import Answer, FakeVllm, words
from fake_vllm.script import Comments, DataLines, Insert, LineEnds, Merge, Refusal, Split, Without
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from chatbot.engines.vllm_server import VllmEngine, build_engine
from chatbot.errors import BadParameter, ModelNotServed, OutputInvalid
from chatbot.sections import VllmSettings

ASKED = [SystemMessage("Be brief."), HumanMessage("What is a kettle?")]


@pytest.fixture
async def server() -> AsyncIterator[FakeVllm]:
    async with FakeVllm() as server:
        yield server


@pytest.fixture
async def engine(server: FakeVllm) -> AsyncIterator[VllmEngine]:
    engine = build_engine(VllmSettings(url=server.url))
    async with engine.http:
        yield engine


async def _streamed(engine: VllmEngine, **kwargs: Any) -> list[AIMessageChunk]:
    return [piece async for piece in engine.astream(ASKED, **kwargs)]  # pyright: ignore[reportReturnType]


def _whole(pieces: list[AIMessageChunk]) -> AIMessageChunk:
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    return whole


def _completion(server: FakeVllm) -> dict[str, Any]:
    return [request.body for request in server.requests if request.path == "/v1/chat/completions"][-1]


async def test_streaming_gives_the_text_the_usage_the_reason_and_the_model(server: FakeVllm, engine: VllmEngine) -> None:
    answer = server.script = Answer(tokens=words(40), cached_tokens=16)

    whole = _whole(await _streamed(engine))

    assert whole.text == answer.text
    assert whole.response_metadata["finish_reason"] == "stop"
    assert whole.response_metadata["model_name"] == "fake"
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 40
    assert whole.usage_metadata.get("input_token_details") == {"cache_read": 16}


async def test_not_streaming_gives_the_same(server: FakeVllm, engine: VllmEngine) -> None:
    streamed = _whole(await _streamed(engine))

    message = await engine.ainvoke(ASKED)

    assert message.text == streamed.text
    assert message.usage_metadata == streamed.usage_metadata
    assert message.response_metadata["finish_reason"] == "stop"


async def test_a_caller_without_an_event_loop_is_served(server: FakeVllm, engine: VllmEngine) -> None:
    assert (await asyncio.to_thread(engine.invoke, ASKED)).text == Answer().text


async def test_the_first_token_is_passed_on_alone_and_later_ones_together(server: FakeVllm, engine: VllmEngine) -> None:
    answer = server.script = Answer(tokens=words(60), gap_s=0.005)

    pieces = [piece.text for piece in await _streamed(engine) if piece.text]

    assert pieces[0] == answer.tokens[0]
    assert len(pieces) < 40
    assert "".join(pieces) == answer.text


@pytest.mark.parametrize(
    "fault", [LineEnds(), Comments(), DataLines(), Merge(), Split((1, 2, 3, 200, 201, 777)), Without("done")]
)
async def test_any_legal_form_of_the_stream_gives_the_same_text(server: FakeVllm, engine: VllmEngine, fault: Any) -> None:
    answer = server.script = Answer(tokens=("Grüße ", "aus ", "東京", " 😀", "."), faults=(fault,))

    assert _whole(await _streamed(engine)).text == answer.text


async def test_sampling_goes_out_under_the_servers_names(server: FakeVllm, engine: VllmEngine) -> None:
    sampling = {
        "temperature": 0.7,
        "top_k": 40,
        "top_p": 0.9,
        "min_p": 0.05,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "repetition_penalty": 1.1,
        "seed": 7,
        "max_tokens": 99,
        "min_tokens": 3,
        "stop": ["END"],
    }

    await _streamed(engine, logprobs=2, **sampling)

    body = _completion(server)
    assert {name: body[name] for name in sampling} == sampling
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert body["stream_options"] == {"include_usage": True}


async def test_without_a_word_about_sampling_it_is_greedy_and_bounded(server: FakeVllm, engine: VllmEngine) -> None:
    await _streamed(engine)

    body = _completion(server)
    assert (body["temperature"], body["max_tokens"]) == (0, 1024)
    assert not {"top_k", "seed", "n", "use_beam_search"} & body.keys()


@pytest.mark.parametrize(("preset", "temperature"), [("precise", 0), ("balanced", 0.7), ("creative", 1.0)])
async def test_a_preset_is_the_default_and_a_call_wins_over_it(
    server: FakeVllm, preset: Literal["precise", "balanced", "creative"], temperature: float
) -> None:
    engine = build_engine(VllmSettings(url=server.url, preset=preset))

    await engine.ainvoke(ASKED)
    assert _completion(server)["temperature"] == temperature

    await engine.ainvoke(ASKED, temperature=0.3)
    assert _completion(server)["temperature"] == 0.3


async def test_beam_search_asks_for_as_many_answers_as_it_is_wide(server: FakeVllm, engine: VllmEngine) -> None:
    await _streamed(engine, beam_width=4)

    body = _completion(server)
    assert (body["use_beam_search"], body["n"]) == (True, 4)
    assert not {"temperature", "stream", "beam_width"} & body.keys()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"n": 2}, "n = 2"),
        ({"guided_json": {}}, "guided_json"),
        ({"beam_width": 4, "temperature": 1}, "temperature"),
        ({"min_tokens": 5, "max_tokens": 4}, "min_tokens 5"),
        ({"stop": [""]}, "stop"),
        ({"priority": 2**31}, "priority"),
        ({"cache_salt": ""}, "cache_salt"),
    ],
)
async def test_a_bad_parameter_is_named_before_anything_is_sent(
    server: FakeVllm, engine: VllmEngine, given: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadParameter, match=named):
        await _streamed(engine, **given)
    assert not server.completions


async def test_everything_else_goes_out_as_it_is(server: FakeVllm) -> None:
    engine = build_engine(VllmSettings(url=server.url, priority=5, cache_salt="tenant"))
    await engine.ainvoke(ASKED)
    assert (_completion(server)["priority"], _completion(server)["cache_salt"]) == (5, "tenant")

    await engine.ainvoke(
        ASKED,
        priority=-1,
        cache_salt="mine",
        documents=[{"title": "t", "text": "x"}],
        structured_outputs={"choice": ["yes", "no"]},
        continue_final_message=True,
        model="fake-adapter",
    )

    body = _completion(server)
    assert (body["priority"], body["cache_salt"], body["model"]) == (-1, "mine", "fake-adapter")
    assert body["documents"] == [{"title": "t", "text": "x"}]
    assert body["structured_outputs"] == {"choice": ["yes", "no"]}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


async def test_an_adapter_is_chosen_by_its_name_and_has_the_room_of_its_model(server: FakeVllm) -> None:
    engine = build_engine(VllmSettings(url=server.url, model="fake-adapter"))

    await engine.ainvoke(ASKED)

    assert _completion(server)["model"] == "fake-adapter"
    assert (await engine.models.context()).tokens == 2048


async def test_a_model_that_is_not_served_is_named_beside_those_that_are(server: FakeVllm) -> None:
    with pytest.raises(ModelNotServed, match=r"'llama'.*fake, fake-adapter"):
        await build_engine(VllmSettings(url=server.url, model="llama")).ainvoke(ASKED)


async def test_a_server_restarted_with_another_model_is_asked_again(server: FakeVllm, engine: VllmEngine) -> None:
    await engine.ainvoke(ASKED)
    server.model = "another"

    with pytest.raises(ModelNotServed, match="another"):
        await engine.ainvoke(ASKED)

    assert (await engine.ainvoke(ASKED)).text == Answer().text


async def test_the_key_travels_in_the_header(server: FakeVllm) -> None:
    server.api_key = "secret"

    await build_engine(VllmSettings.model_validate({"url": server.url, "api_key": "secret"})).ainvoke(ASKED)

    assert server.requests[-1].headers["authorization"] == "Bearer secret"


class City(BaseModel):
    name: str
    people: int


def _says(text: str, finish_reason: str = "stop") -> Answer:
    return Answer(tokens=(text,), finish_reason=finish_reason)


async def test_structured_output_is_asked_for_by_schema_and_comes_as_the_model(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = _says('{"name": "Oslo", "people": 700000}')

    assert await engine.with_structured_output(City).ainvoke("Where?") == City(name="Oslo", people=700000)

    wanted = _completion(server)["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["schema"] == City.model_json_schema()


async def test_a_json_schema_gives_a_plain_value(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = _says('["a"]')

    result = await engine.with_structured_output({"type": "array", "items": {"type": "string"}}, include_raw=True).ainvoke("?")

    assert result["parsed"] == ["a"]
    assert isinstance(result["raw"], AIMessage)


@pytest.mark.parametrize(
    ("said", "schema", "complaint"),
    [
        (_says('{"name": "Oslo"}'), City, "people"),
        (_says('{"name": "Os', "length"), City, "max_tokens"),
        (_says("Oslo"), {"type": "string"}, "not JSON"),
        (_says("[1]"), {"type": "array", "items": {"type": "string"}}, "1 is not of type"),
    ],
)
async def test_an_answer_that_breaks_the_schema_is_never_passed_on(
    server: FakeVllm, engine: VllmEngine, said: Answer, schema: Any, complaint: str
) -> None:
    server.script = said

    with pytest.raises(OutputInvalid, match=complaint):
        await engine.with_structured_output(schema).ainvoke("?")


async def test_a_schema_that_is_none_is_refused_before_anything_is_sent(server: FakeVllm, engine: VllmEngine) -> None:
    with pytest.raises(BadParameter, match="not valid"):
        engine.with_structured_output({"type": "strnig"})


async def test_a_schema_that_points_elsewhere_is_not_followed(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = _says("1")

    with pytest.raises(BadParameter, match="not inside"):
        await engine.with_structured_output({"$ref": f"{server.url}/schema.json"}).ainvoke("?")
    assert all(request.path != "/schema.json" for request in server.requests)


@tool
def weather(city: str) -> str:
    """Weather of a city."""
    return city


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def _completed(**message: Any) -> Refusal:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    return Refusal(200, {"id": "x", "model": "fake", "choices": [choice], "usage": usage})


async def test_tools_are_strict_and_their_calls_come_parsed(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = _completed(tool_calls=[CALL])

    message = await engine.bind_tools([weather], tool_choice="weather", parallel_tool_calls=False).ainvoke("Oslo?")

    body = _completion(server)
    assert body["tools"][0]["function"]["strict"] is True
    assert body["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert body["parallel_tool_calls"] is False
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("weather", {"city": "Oslo"})]


async def test_arguments_that_are_no_json_are_kept_apart(server: FakeVllm, engine: VllmEngine) -> None:
    broken = {**CALL, "function": {"name": "weather", "arguments": '{"city": '}}
    server.script = _completed(tool_calls=[broken, CALL])

    message = await engine.bind_tools([weather]).ainvoke("Oslo?")

    assert len(message.tool_calls) == len(message.invalid_tool_calls) == 1


def _called(*deltas: dict[str, Any], finish_reason: str = "tool_calls") -> Answer:
    """A stream whose deltas of a call come in one read."""
    head = {"name": "weather", "arguments": ""}
    calls = [
        {"index": 0, "id": "call-1", "type": "function", "function": head},
        *({"index": 0, "function": each} for each in deltas),
    ]
    events = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]} for call in calls]
    raw = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return Answer(tokens=("",), finish_reason=finish_reason, faults=(Insert(raw, after=1),))


async def _streamed_call(engine: VllmEngine) -> AIMessageChunk:
    first, *rest = [piece async for piece in engine.bind_tools([weather]).astream("Oslo?")]
    return sum(rest, first)  # type: ignore[return-value]  of chunks a chunk


async def test_a_streamed_call_is_whole_however_its_pieces_come(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = _called({"arguments": '{"ci'}, {"arguments": 'ty": "Os'}, {"arguments": 'lo"}'})

    (call,) = (await _streamed_call(engine)).tool_calls

    assert (call["name"], call["args"], call["id"]) == ("weather", {"city": "Oslo"}, "call-1")


async def test_a_streamed_call_that_is_cut_is_no_call(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = _called({"arguments": '{"city": "Os'}, finish_reason="length")

    with pytest.raises(OutputInvalid, match="MAX_TOKENS"):
        await _streamed_call(engine)


@pytest.mark.parametrize(("choice", "sent"), [("any", "required"), (True, "required"), ("auto", "auto"), ("none", "none")])
async def test_a_tool_choice_has_langchains_names_too(
    server: FakeVllm, engine: VllmEngine, choice: Any, sent: Callable[..., Any]
) -> None:
    await engine.bind_tools([weather], tool_choice=choice).ainvoke("Oslo?")

    assert _completion(server)["tool_choice"] == sent


async def test_a_tool_choice_that_is_no_tool_is_refused(engine: VllmEngine) -> None:
    with pytest.raises(BadParameter, match="'wether'.*weather"):
        engine.bind_tools([weather], tool_choice="wether")


async def test_questions_share_connections_while_the_pool_is_open(server: FakeVllm, engine: VllmEngine) -> None:
    for _ in range(5):
        await engine.ainvoke(ASKED)
        await _streamed(engine)

    assert server.accepted <= 2


async def test_outside_of_the_pool_no_connection_stays(server: FakeVllm) -> None:
    engine = build_engine(VllmSettings(url=server.url))

    await engine.ainvoke(ASKED)
    await _streamed(engine)
    await asyncio.sleep(0.05)

    assert not server.connections


async def test_whoever_watches_sees_every_piece_and_everybody_else_the_same_text(server: FakeVllm, engine: VllmEngine) -> None:
    class Watcher(AsyncCallbackHandler):
        def __init__(self) -> None:
            self.seen: list[str] = []

        async def on_llm_new_token(self, token: str, **_: Any) -> None:
            self.seen.append(token)

    watcher = Watcher()

    watched = [piece.text async for piece in engine.astream(ASKED, {"callbacks": [watcher]})]

    assert "".join(watcher.seen) == "".join(watched) == Answer().text
    assert "".join([piece.text async for piece in engine.astream(ASKED)]) == Answer().text

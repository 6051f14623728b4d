"""The vLLM engine over a server that stalls, cuts, floods, refuses and talks nonsense: a clear error in time, no work left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fake_vllm import Answer, FakeVllm, Refusal, Steps, words
from fake_vllm import script as scripts
from fake_vllm.script import Cut, CutInCharacter, Endless, EngineDied, Insert, Raw, Stall, Without
from langchain_core.messages import HumanMessage

from chatbot.engines import sse
from chatbot.engines.vllm_models import VllmModels
from chatbot.engines.vllm_server import VllmEngine, build_engine
from chatbot.errors import (
    BadParameter,
    ChatbotError,
    EngineBroke,
    EngineBusy,
    EngineTimedOut,
    EngineUnreachable,
    KeyRefused,
    PromptTooLong,
)
from chatbot.sections import DeadlineSettings, VllmSettings

ASKED = [HumanMessage("What is a kettle?")]
DEADLINES = DeadlineSettings(connect_s=0.5, first_token_s=0.4, between_tokens_s=0.3, total_s=2)


@pytest.fixture
async def server() -> AsyncIterator[FakeVllm]:
    async with FakeVllm() as server:
        yield server


@pytest.fixture
async def engine(server: FakeVllm) -> AsyncIterator[VllmEngine]:
    engine = build_engine(VllmSettings(url=server.url, deadlines=DEADLINES))
    async with engine.http:
        yield engine


async def _read(engine: VllmEngine) -> str:
    """The text that came before the end or the error; the error is raised."""
    return "".join([piece.text async for piece in engine.astream(ASKED)])


async def _gone(server: FakeVllm) -> bool:
    """True once the server has nothing to do for us any more."""
    for _ in range(100):
        if not server.running:
            return True
        await asyncio.sleep(0.005)
    return False


@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize(
    "fault",
    ["before the first token", "in mid-stream", "inside an event", "before the reason", "inside a character", "by reset"],
)
async def test_a_cut_stream_is_an_error_and_never_a_short_answer(
    server: FakeVllm, engine: VllmEngine, fault: str, clean: bool
) -> None:
    faults: dict[str, Any] = {
        "before the first token": Cut(0, clean=clean),
        "in mid-stream": Cut(5, clean=clean),
        "inside an event": Cut(5, extra=9, clean=clean),
        "before the reason": Cut(before="finish", clean=clean),
        "inside a character": CutInCharacter(clean=clean),
        "by reset": Cut(5, reset=True),
    }
    server.script = Answer(tokens=("Grüße", *words(20)), gap_s=0.002, faults=(faults[fault],))

    with pytest.raises(EngineBroke, match="ask again"):
        await _read(engine)


@pytest.mark.parametrize(
    "said",
    [
        b"data: not JSON\n\n",
        b'data: {"choices": "none"}\n\n',
        b'data: {"choices": [{"delta": {"content": 7}}]}\n\n',
        b'data: {"choices": [{}]}\n\n',
        b"data: [1, 2]\n\n",
        b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "\\ud83d"}}]}\n\n',
        b'data: {"usage": {"prompt_tokens": null}}\n\n',
    ],
)
async def test_garbage_is_an_error(server: FakeVllm, engine: VllmEngine, said: bytes) -> None:
    server.script = Answer(faults=(Insert(said, after=3),))

    with pytest.raises(EngineBroke, match="no part of an answer|a completion"):
        await _read(engine)


async def test_a_page_instead_of_an_answer_is_an_error(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = Refusal(200, "<html>Sign in</html>", content_type="text/html")

    with pytest.raises(EngineBroke):
        await _read(engine)
    with pytest.raises(EngineBroke, match="vLLM"):
        await engine.ainvoke(ASKED)


async def test_something_that_is_not_http_is_an_error(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = Steps((Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), scripts.End()))

    with pytest.raises(ChatbotError):
        await _read(engine)


async def test_an_error_in_mid_stream_says_what_the_server_said(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = Answer(faults=(EngineDied(after=3),))

    with pytest.raises(EngineBroke, match="EngineCore encountered an issue"):
        await _read(engine)


async def test_a_parameter_that_the_server_refuses_only_in_the_stream_is_still_a_bad_parameter(
    server: FakeVllm, engine: VllmEngine
) -> None:
    said = b'data: {"error": {"message": "Grammar error: Invalid type: strnig", "type": "BadRequestError", "code": 400}}\n\n'
    server.script = Answer(faults=(Insert(said, last=True),))

    with pytest.raises(BadParameter, match="vLLM server refuses.*strnig"):
        await _read(engine)


async def test_a_line_without_end_is_cut_off(server: FakeVllm, engine: VllmEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 1_000_000)
    server.script = Answer(faults=(Endless(after=2),))

    with pytest.raises(EngineBroke, match="longer than"):
        await _read(engine)
    assert await _gone(server)


@pytest.mark.parametrize(
    ("answer", "deadline"),
    [
        (Answer(headers_s=30), "first token within 0.4 s"),
        (Answer(faults=(Stall(0),)), "first token within 0.4 s"),
        (Answer(gap_s=0.001, faults=(Stall(5),)), "next token within 0.3 s"),
        (Answer(faults=(Stall(0), Insert(b": keep-alive\n\n"))), "first token within 0.4 s"),
        (Answer(tokens=words(500), gap_s=0.05), "finish the answer within 2 s"),
    ],
)
async def test_each_deadline_ends_the_wait_and_is_named(
    server: FakeVllm, engine: VllmEngine, answer: Answer, deadline: str
) -> None:
    server.script = answer
    begun = time.monotonic()

    with pytest.raises(EngineTimedOut, match=deadline):
        await _read(engine)

    assert time.monotonic() - begun < 4
    assert await _gone(server)


@pytest.mark.parametrize("per_second", [20, 100, 2000])
async def test_the_total_ends_an_answer_however_quickly_it_comes(server: FakeVllm, per_second: int) -> None:
    server.script = Answer(tokens=words(5 * per_second), gap_s=1 / per_second)
    engine = build_engine(VllmSettings(url=server.url, deadlines=DeadlineSettings(total_s=0.4)))
    begun = time.monotonic()

    with pytest.raises(EngineTimedOut, match="finish the answer within 0.4 s"):
        await _read(engine)

    assert time.monotonic() - begun < 2
    assert await _gone(server)


async def test_a_server_without_tls_is_told_apart_from_one_that_is_away(unused_tcp_port: int) -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # as uvicorn does
        writer.close()

    engine = build_engine(VllmSettings(url=f"https://127.0.0.1:{unused_tcp_port}", deadlines=DEADLINES, retries=0))
    async with await asyncio.start_server(refuse, "127.0.0.1", unused_tcp_port):
        with pytest.raises(EngineUnreachable, match="does not speak TLS; is it http://"):
            await _read(engine)


async def test_the_deadline_of_an_answer_in_one_piece_is_the_total(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = Answer(headers_s=30)

    with pytest.raises(EngineTimedOut, match="within 2 s"):
        await engine.ainvoke(ASKED)
    assert await _gone(server)


async def test_nobody_at_the_address_is_said_with_the_address(unused_tcp_port: int) -> None:
    engine = build_engine(VllmSettings(url=f"http://127.0.0.1:{unused_tcp_port}", deadlines=DEADLINES))

    with pytest.raises(EngineUnreachable, match=rf"127.0.0.1:{unused_tcp_port}.*CHATBOT_VLLM__URL"):
        await _read(engine)


@pytest.mark.parametrize("refusal", [scripts.busy(), scripts.too_many("0"), Answer(faults=(Cut(before="head"),))])
async def test_what_has_no_token_yet_is_tried_again(server: FakeVllm, engine: VllmEngine, refusal: Any) -> None:
    engine = build_engine(VllmSettings(url=server.url))
    server.script = [refusal, refusal, Answer()]

    assert await _read(engine) == Answer().text
    assert server.completions == 3


async def test_a_connection_that_the_server_closed_while_a_question_was_on_its_way_is_no_failure(server: FakeVllm) -> None:
    engine = build_engine(VllmSettings(url=server.url, retries=0))
    server.script = [Answer(faults=(Cut(before="head"),)), Answer()]

    assert await _read(engine) == Answer().text


async def test_after_the_first_token_nothing_is_tried_again(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = [Answer(faults=(Cut(3),)), Answer()]

    with pytest.raises(EngineBroke):
        await _read(engine)
    assert server.completions == 1


async def test_a_busy_server_is_given_up_in_the_end(server: FakeVllm) -> None:
    server.script = scripts.busy()
    engine = build_engine(VllmSettings(url=server.url, retries=1))

    with pytest.raises(EngineBusy, match="currently busy"):
        await _read(engine)
    assert server.completions == 2


async def test_a_busy_server_says_when_to_come_back(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = scripts.too_many("17")

    with pytest.raises(EngineBusy) as raised:
        await _read(engine)

    assert raised.value.retry_after_s == 17
    assert server.completions == 1


@pytest.mark.parametrize(
    ("refusal", "kind", "says"),
    [
        (scripts.too_long(2048), PromptTooLong, r"at least 2049.*2048 tokens"),
        (scripts.too_many_characters(99_000), PromptTooLong, r"99000 characters.*2048 tokens"),
        (scripts.bad_parameter(), BadParameter, r"temperature must be in \[0, 2\], got 3.0"),
        (scripts.too_many_wanted(5000), BadParameter, "max_tokens=5000"),
        (scripts.unauthorized(), KeyRefused, "CHATBOT_VLLM__API_KEY"),
        (scripts.broken(), EngineBroke, "HTTP 500.*EngineCore"),
        (Refusal(404, {"detail": "Not Found"}), EngineBroke, "HTTP 404.*CHATBOT_VLLM__URL"),
        (Refusal(400, "<html>" + "x" * 10_000, content_type="text/html"), BadParameter, "a page for people"),
        (Refusal(302, "", headers={"location": "http://elsewhere/"}), EngineBroke, "HTTP 302"),
    ],
)
async def test_a_refusal_becomes_the_error_of_whoever_can_mend_it(
    server: FakeVllm, engine: VllmEngine, refusal: Refusal, kind: type[ChatbotError], says: str
) -> None:
    server.script = refusal

    with pytest.raises(kind, match=says) as raised:
        await _read(engine)

    assert type(raised.value) is kind
    assert len(str(raised.value)) < 700


async def test_a_stream_without_done_is_whole_if_it_says_why_it_ended(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = Answer(faults=(Without("done"),))

    assert await _read(engine) == Answer().text


async def test_an_answer_that_the_server_aborted_is_an_error(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = Answer(finish_reason="abort")

    with pytest.raises(EngineBroke):
        await _read(engine)


@pytest.mark.parametrize("read", [0, 1, 20])
async def test_closing_the_stream_ends_the_servers_work(server: FakeVllm, engine: VllmEngine, read: int) -> None:
    server.script = Answer(tokens=words(5000), gap_s=0.002)
    stream = engine.astream(ASKED)
    for _ in range(read):
        await anext(stream)

    await stream.aclose()  # type: ignore[attr-defined]  it is a generator

    assert await _gone(server)


async def test_cancelling_the_wait_for_the_first_token_ends_the_servers_work(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = Answer(headers_s=30)
    for ask in (_read(engine), engine.ainvoke(ASKED)):
        waiting = asyncio.create_task(ask)
        await asyncio.sleep(0.1)
        assert server.running == 1

        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await _gone(server)


async def test_a_server_that_comes_back_is_used_again(unused_tcp_port: int) -> None:
    engine = build_engine(VllmSettings(url=f"http://127.0.0.1:{unused_tcp_port}", retries=0))
    async with engine.http:
        async with FakeVllm(port=unused_tcp_port):
            await _read(engine)
        with pytest.raises(EngineUnreachable):
            await _read(engine)
        async with FakeVllm(port=unused_tcp_port):
            assert await _read(engine) == Answer().text


@pytest.mark.parametrize(
    "said",
    [
        b'data: {"choices": [{"delta": {"tool_calls": ["x"]}}]}\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": 7}}]}}]}\n\n',
    ],
)
async def test_a_garbled_tool_call_is_an_error(server: FakeVllm, engine: VllmEngine, said: bytes) -> None:
    server.script = Answer(faults=(Insert(said, after=3),))

    with pytest.raises(EngineBroke, match="no part of an answer"):
        await _read(engine)


def test_lines_without_a_word_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 10_000)

    with pytest.raises(sse.EventTooLong):
        sse.Events().feed(b"data:\n" * 10_001)


async def test_an_open_pool_does_no_harm_to_other_event_loops(server: FakeVllm, engine: VllmEngine) -> None:
    def elsewhere() -> str:
        return asyncio.run(engine.ainvoke(ASKED)).text

    assert await asyncio.to_thread(elsewhere) == Answer().text
    assert await _read(engine) == Answer().text


async def test_a_pool_opened_twice_is_closed_by_the_last(server: FakeVllm, engine: VllmEngine) -> None:
    async with engine.http:
        pass

    assert await _read(engine) == Answer().text


async def test_a_redirect_is_told_and_not_followed(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = Refusal(307, "", headers={"location": "https://elsewhere.example/"})

    with pytest.raises(EngineBroke, match="leads elsewhere.*elsewhere.example.*CHATBOT_VLLM__URL"):
        await engine.ainvoke(ASKED)


async def test_a_wait_without_end_is_no_number_to_pass_on(server: FakeVllm, engine: VllmEngine) -> None:
    server.script = scripts.too_many("inf")

    with pytest.raises(EngineBusy) as busy:
        await _read(engine)
    assert busy.value.retry_after_s is None


async def test_half_a_surrogate_pair_is_refused_in_words(engine: VllmEngine) -> None:
    with pytest.raises(BadParameter, match="surrogate"):
        await engine.models.tokens("\udcff")


async def test_what_is_no_name_of_a_host_is_unreachable() -> None:
    with pytest.raises(EngineUnreachable, match="CHATBOT_VLLM__URL"):
        await build_engine(VllmSettings(url="http://a..b", retries=0)).ainvoke(ASKED)


@pytest.mark.parametrize("card", [{"id": "m"}, {"id": "m", "max_model_len": "long"}])
async def test_a_server_that_does_not_say_its_context_is_told_of(card: dict[str, Any]) -> None:
    with pytest.raises(EngineBroke, match="how long the context of 'm' is"):
        await VllmModels(_Http(cards=card), "", 100).context()  # type: ignore[arg-type]


@pytest.mark.parametrize("said", [{}, {"token_strs": None}, {"token_strs": ["a", "b"]}])
async def test_tokens_without_their_texts_are_an_error(said: dict[str, Any]) -> None:
    with pytest.raises(EngineBroke, match="what text its tokens have"):
        await VllmModels(_Http(cards={"id": "m"}, tokens=said), "", 100).tokens("a")  # type: ignore[arg-type]


class _Http:
    """A server that is none of vLLM's."""

    def __init__(self, cards: dict[str, Any], tokens: dict[str, Any] | None = None) -> None:
        self._cards, self._tokens = cards, tokens

    async def get(self, path: str) -> Any:
        return {"data": [self._cards]}

    async def post(self, path: str, body: Any) -> Any:
        return {"tokens": [1], **(self._tokens or {})}

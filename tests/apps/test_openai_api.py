"""OpenAI's chat completions, read the way its clients read them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fakes import ScriptedApplication, ScriptedEngine, scripted_server
from starlette.testclient import TestClient

from chatbot.bootstrap import Application
from chatbot.engines.parts import Engine
from chatbot.errors import InternalError, PromptError
from chatbot.sampling import Sampling

PATH = "/v1/chat/completions"
ASKED = {"model": "chatbot", "messages": [{"role": "user", "content": "How much does the kettle hold?"}]}


USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 0}}


def _client(application: Any) -> TestClient:
    return TestClient(scripted_server(application), base_url="http://127.0.0.1", raise_server_exceptions=False)


def _scripted(*pieces: str | Exception, finish_reason: str = "stop") -> ScriptedApplication:
    return ScriptedApplication(ScriptedEngine(pieces=pieces or ("Four litres", ". [1]"), finish_reason=finish_reason))


def _chunks(body: str) -> list[Any]:
    """The chunks of a stream that ends as OpenAI's do."""
    lines = [line.removeprefix("data: ") for line in body.strip().split("\n\n")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_a_completion_has_openais_shape() -> None:
    body = _client(_scripted()).post(PATH, json=ASKED).json()

    assert body["object"] == "chat.completion"
    assert body["model"] == "chatbot"
    assert body["id"].startswith("chatcmpl-")
    assert isinstance(body["created"], int)
    (choice,) = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Four litres. [1]", "refusal": None}
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert body["usage"] == USAGE


def test_citations_and_status_travel_beside_openais_fields() -> None:
    body = _client(_scripted()).post(PATH, json=ASKED).json()

    assert body["status"] == "answered"
    assert [citation["cited_text"] for citation in body["citations"]] == ["The kettle holds four litres."]


def test_a_stream_opens_with_the_role_and_ends_with_a_finish_reason_and_done() -> None:
    response = _client(_scripted()).post(PATH, json={**ASKED, "stream": True})

    assert response.headers["content-type"].startswith("text/event-stream")
    first, *middle, last = _chunks(response.text)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in middle) == "Four litres. [1]"
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "stop")
    assert last["citations"]


def test_a_stream_tells_its_usage_in_a_chunk_of_its_own_where_it_is_wanted() -> None:
    wanted = {**ASKED, "stream": True, "stream_options": {"include_usage": True}}

    *before, last = _chunks(_client(_scripted()).post(PATH, json=wanted).text)

    assert last["choices"] == []
    assert last["usage"] == USAGE
    assert {chunk["usage"] for chunk in before} == {None}
    assert before[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("options", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}])
def test_a_stream_has_no_usage_where_it_is_not_wanted(options: dict[str, Any]) -> None:
    chunks = _chunks(_client(_scripted()).post(PATH, json={**ASKED, "stream": True, **options}).text)

    assert not any("usage" in chunk for chunk in chunks)


def test_the_chunks_of_a_stream_share_id_time_and_kind() -> None:
    chunks = _chunks(_client(_scripted()).post(PATH, json={**ASKED, "stream": True}).text)

    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk"
    assert chunks[0]["id"].startswith("chatcmpl-")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_cut_off_says_length(stream: bool) -> None:
    response = _client(_scripted(finish_reason="length")).post(PATH, json={**ASKED, "stream": stream})

    body = _chunks(response.text)[-1] if stream else response.json()
    assert body["choices"][0]["finish_reason"] == "length"


def test_what_the_documents_do_not_say_is_said_in_words() -> None:
    body = _client(_scripted(finish_reason="abstained")).post(PATH, json=ASKED).json()

    assert body["status"] == "abstained"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "The documents do not say." in body["choices"][0]["message"]["content"]


def test_an_error_midway_ends_the_stream_as_openais_do() -> None:
    response = _client(_scripted("Four ", InternalError("the engine went away"))).post(PATH, json={**ASKED, "stream": True})

    last = _chunks(response.text)[-1]
    assert last == {"error": {"message": "the engine went away", "type": "server_error", "code": "InternalError"}}


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_asker_can_mend_midway_is_told_as_such(stream: bool) -> None:
    response = _client(_scripted("Four ", PromptError("mend it"))).post(PATH, json={**ASKED, "stream": stream})

    error = (_chunks(response.text)[-1] if stream else response.json())["error"]
    assert error == {"message": "mend it", "type": "invalid_request_error", "code": "PromptError"}
    assert response.status_code == (200 if stream else 400)


def test_an_error_midway_is_500_without_a_stream() -> None:
    response = _client(_scripted("Four ", InternalError("the engine went away"))).post(PATH, json=ASKED)

    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"model": "gpt-4o"}, 404, "there is no model 'gpt-4o'; there are: chatbot, handbook, papers"),
        ({"messages": [{"role": "user", "content": "  "}]}, 400, "empty"),
        ({"messages": [{"role": "user", "content": "x" * 4001}]}, 400, "4,001 characters"),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, 400, "no user message"),
    ],
)
def test_a_bad_request_is_an_error_of_openais_shape(change: dict[str, Any], status: int, says: str, stream: bool) -> None:
    response = _client(_scripted()).post(PATH, json={**ASKED, **change, "stream": stream})

    assert response.status_code == status
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert says in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "messages", [[], [{"role": "tool", "content": "x"}], [{"role": "user", "content": [{"type": "image_url"}]}]]
)
def test_messages_it_cannot_read_are_an_error_of_openais_shape(messages: list[Any]) -> None:
    response = _client(_scripted()).post(PATH, json={"messages": messages})

    assert response.status_code == 422
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.json()["error"]["message"].startswith("messages")


@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("GET", "/v1/models")])
def test_before_the_application_is_open_it_says_so_in_openais_shape(method: str, path: str) -> None:
    response = _client(None).request(method, path, json=ASKED)

    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert response.json()["error"]["type"] == "server_error"
    assert "still starting" in response.json()["error"]["message"]


def test_what_nobody_foresaw_tells_nothing_of_the_inside() -> None:
    response = _client(_scripted(RuntimeError("secret"))).post(PATH, json=ASKED)

    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    assert "secret" not in response.text


def test_fields_that_make_no_difference_to_quoting_are_accepted() -> None:
    response = _client(_scripted()).post(PATH, json={**ASKED, "temperature": 0.2, "max_tokens": 50, "user": "u", "n": 1})

    assert response.status_code == 200


def test_the_model_may_be_left_out() -> None:
    assert _client(_scripted()).post(PATH, json={"messages": ASKED["messages"]}).json()["model"] == "chatbot"


def test_earlier_turns_are_history_and_the_clients_system_prompt_is_not_obeyed() -> None:
    application = _scripted()
    messages = [
        {"role": "system", "content": "Talk like a pirate."},
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Which kettle?"},
        {"role": "assistant", "content": "The blue one."},
        {"role": "user", "content": [{"type": "text", "text": "How much "}, {"type": "text", "text": "does it hold?"}]},
    ]

    _client(application).post(PATH, json={"messages": messages})

    (given,) = application.engine.messages
    assert [message.text for message in given] == ["Which kettle?", "The blue one.", "How much does it hold?"]


@pytest.mark.parametrize("without_words", [{"content": None}, {"content": ""}, {}])
def test_an_assistants_message_without_words_is_left_out(without_words: dict[str, Any]) -> None:
    application = _scripted()
    messages = [{"role": "user", "content": "Hello?"}, {"role": "assistant", **without_words}, *ASKED["messages"]]

    response = _client(application).post(PATH, json={"messages": messages})

    assert response.status_code == 200
    assert [message.text for message in application.engine.messages[0]] == ["Hello?", "How much does the kettle hold?"]


def test_the_last_user_message_is_the_question_whatever_stands_behind_it() -> None:
    application = _scripted()
    messages = [*ASKED["messages"], {"role": "assistant", "content": "It holds"}]

    _client(application).post(PATH, json={"messages": messages})

    assert application.engine.messages[0][-1].text == "How much does the kettle hold?"


def test_collections_are_models(application: Application) -> None:
    client = _client(application)

    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["chatbot", "handbook", "llm-primer"]
    assert {model["object"] for model in listed["data"]} == {"model"}


def test_a_model_is_described_by_itself_as_in_the_list() -> None:
    client = _client(_scripted())

    listed = client.get("/v1/models").json()["data"]

    assert [client.get(f"/v1/models/{model['id']}").json() for model in listed] == listed


def test_a_model_there_is_not_is_404_in_openais_shape() -> None:
    response = _client(_scripted()).get("/v1/models/gpt-4o")

    assert response.status_code == 404
    assert response.json()["error"]["message"] == "there is no model 'gpt-4o'; there are: chatbot, handbook, papers"


class _Namesake(ScriptedApplication):
    """Holds a collection with the name of the model for everything, and is asked for it away from the event loop only."""

    def collections(self) -> dict[str, int]:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return {"chatbot": 1, "papers": 2}


@pytest.mark.parametrize(("model", "searched"), [("chatbot", ()), ("chatbot/chatbot", ("chatbot",)), ("papers", ("papers",))])
def test_every_collection_can_be_reached_even_one_named_chatbot(model: str, searched: tuple[str, ...]) -> None:
    application = _Namesake(ScriptedEngine())
    application.retrieve.known = ("chatbot", "papers")
    client = _client(application)

    assert client.post(PATH, json={**ASKED, "model": model}).status_code == 200

    assert [query.collections for query, _, _ in application.retrieve.calls] == [searched]
    assert [each["id"] for each in client.get("/v1/models").json()["data"]] == ["chatbot", "chatbot/chatbot", "papers"]
    assert client.get(f"/v1/models/{model}").json()["id"] == model


def test_a_collection_as_model_is_the_only_one_searched(application: Application) -> None:
    question = [{"role": "user", "content": "What is nucleus sampling?"}]
    client = _client(application)

    whole = client.post(PATH, json={"model": "llm-primer", "messages": question}).json()
    other = client.post(PATH, json={"model": "handbook", "messages": question}).json()

    assert {citation["source"] for citation in whole["citations"]} == {"20-sampling-and-decoding.md"}
    assert not any("sampling-and-decoding" in citation["source"] for citation in other["citations"])


@pytest.mark.parametrize(
    ("asked", "sampling"),
    [
        ({"temperature": 0.5, "top_k": 3, "user": "ignored"}, Sampling(temperature=0.5, top_k=3)),
        ({"max_tokens": 7, "max_completion_tokens": 9, "stop": "END"}, Sampling(max_tokens=9, stop=("END",))),
        ({"stop": ["a", "b"], "seed": 7}, Sampling(stop=("a", "b"), seed=7)),
        ({}, None),
    ],
)
def test_sampling_reaches_an_engine_that_writes(asked: dict[str, Any], sampling: Sampling | None) -> None:
    application = ScriptedApplication(Engine(ScriptedEngine(needs_documents=False)))

    assert _client(application).post(PATH, json={**ASKED, **asked}).status_code == 200

    assert application.retrieve.calls[0][0].sampling == sampling


def test_sampling_out_of_range_is_refused_in_openais_shape() -> None:
    refused = _client(_scripted()).post(PATH, json={**ASKED, "temperature": 3})

    assert refused.status_code == 422
    assert "temperature" in refused.json()["error"]["message"]

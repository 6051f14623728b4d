"""Tasks over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fakes import TOKEN, ScriptedApplication, scripted_server, serving
from starlette.testclient import TestClient
from task_doubles import WritingEngine, answering

from chatbot.apps.remote import RemoteApplication
from chatbot.bootstrap import Application
from chatbot.errors import EngineBusy, TaskUnavailable, UserError
from chatbot.knowledge.store.ownership import Owner
from chatbot.sampling import Sampling
from chatbot.tasks.events import TaskCompleted, TaskResult, last_result, task_event

NICE = {"reason": "it says so", "label": "positive"}


class _Failing(WritingEngine):
    error: Any = None

    def _script(self, messages: Any, kwargs: Any) -> Any:
        raise self.error
        yield


def _client(application: Any) -> TestClient:
    return TestClient(scripted_server(application), base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture
def engine() -> WritingEngine:
    return WritingEngine(reply=lambda messages, options: json.dumps(NICE) if "response_format" in options else "Bread and Salt")


@pytest.fixture
def client(engine: WritingEngine) -> TestClient:
    return _client(ScriptedApplication(engine, writes=True))


@pytest.fixture(scope="module")
def real(application: Application) -> Iterator[TestClient]:
    with _client(application) as client:
        yield client


def _assert_problem(response: httpx.Response, status: int, detail: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert detail in response.json()["detail"]


def test_the_list_says_what_each_takes_and_what_it_needs(real: TestClient) -> None:
    cards = {card["name"]: card for card in real.get("/v1/tasks").json()["tasks"]}

    assert cards["classify"]["inputs"]["required"] == ["text", "labels"]
    assert (cards["summarize"]["available"], cards["translate"]["available"]) == (True, False)
    assert "chatbot serve --vllm-url" in cards["translate"]["needs"]
    assert "not measured here" in cards["translate"]["quality"]


def test_a_result_is_json(client: TestClient) -> None:
    response = client.post("/v1/tasks/sentiment", json={"inputs": {"text": "Nice."}})

    assert response.status_code == 200
    result = TaskResult.model_validate_json(response.text)
    assert result.data == NICE
    assert "not measured here" in result.quality


def test_a_stream_ends_with_the_result(client: TestClient) -> None:
    response = client.post("/v1/tasks/chat", json={"inputs": {"text": "A name?"}, "stream": True})

    events = [task_event.validate_json(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert [event.type for event in events] == ["delta"] * 3 + ["completed"]
    assert isinstance(events[-1], TaskCompleted)
    assert (events[-1].result.text, events[-1].result.backed) == ("Bread and Salt", False)


def test_sampling_reaches_the_engine(client: TestClient, engine: WritingEngine) -> None:
    client.post("/v1/tasks/chat", json={"inputs": {"text": "Hi"}, "sampling": {"temperature": 0.5}})

    assert engine.options[-1]["temperature"] == 0.5


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "inputs", "status", "detail"),
    [
        ("juggle", {}, 404, "there is no task 'juggle'; there are: answer, chat"),
        ("classify", {"text": "a"}, 400, "needs 'labels'"),
        ("chat", {"text": "a", "mood": "bad"}, 400, "has no input 'mood'; it has: text, history"),
        ("write", {"brief": "a", "words": 5}, 400, "words = 5: Input should be greater than or equal to 20"),
    ],
)
def test_a_mistake_is_a_problem(
    client: TestClient, name: str, inputs: dict[str, Any], status: int, detail: str, stream: bool
) -> None:
    _assert_problem(client.post(f"/v1/tasks/{name}", json={"inputs": inputs, "stream": stream}), status, detail)


def test_a_document_that_does_not_exist_is_not_found(real: TestClient) -> None:
    response = real.post("/v1/tasks/summarize", json={"inputs": {"document": "handbook/5-citations.md"}, "stream": True})

    _assert_problem(response, 404, "handbook/05-citations.md")


def test_a_task_that_the_engine_cannot_do_says_what_it_needs(real: TestClient) -> None:
    _assert_problem(real.post("/v1/tasks/chat", json={"inputs": {"text": "Hi"}}), 400, "chatbot serve --vllm-url")


def test_a_body_that_is_no_task_is_refused(client: TestClient) -> None:
    assert client.post("/v1/tasks/chat", json={"input": {"text": "Hi"}}).status_code == 422
    assert client.post("/v1/tasks/chat", json={"inputs": {}, "sampling": {"temperature": 9}}).status_code == 422


def test_an_engine_that_fails_at_once_leaves_a_status_of_its_own() -> None:
    client = _client(ScriptedApplication(_Failing(error=EngineBusy("come back later", 3)), writes=True))

    for stream in (False, True):
        response = client.post("/v1/tasks/chat", json={"inputs": {"text": "Hi"}, "stream": stream})
        assert response.status_code >= 500
        assert "come back later" in response.json()["detail"]


# through a second process


@pytest.fixture(scope="module")
def remote(application: Application) -> Iterator[RemoteApplication]:
    with serving(scripted_server(application)) as url:
        yield RemoteApplication(Owner(pid=1, command="serve", url=url, token=TOKEN), lambda _: None)


async def test_tasks_are_the_same_here_and_there(remote: RemoteApplication, application: Application) -> None:
    inputs = {"document": "handbook/05-citations.md", "length": "short"}

    assert remote.tasks() == application.tasks()
    assert await last_result(remote.run_task("summarize", inputs)) == await last_result(application.run_task("summarize", inputs))


async def test_a_mistake_comes_back_from_there(remote: RemoteApplication) -> None:
    with pytest.raises(UserError, match="there is no task"):
        await last_result(remote.run_task("juggle", {}, Sampling(temperature=0)))


async def test_here_it_is_an_error_of_its_own(application: Application) -> None:
    with pytest.raises(TaskUnavailable):
        await last_result(application.run_task("chat", {"text": "Hi"}))


async def test_another_kind_of_reply_is_possible() -> None:
    engine = WritingEngine(reply=answering({"number": 17, "amount": 42.5, "currency": "EUR"}))
    application = ScriptedApplication(engine, writes=True)
    card = next(card for card in application.tasks() if card.name == "extract")

    assert (await last_result(application.run_task("extract", card.example))).data == {
        "number": 17,
        "amount": 42.5,
        "currency": "EUR",
    }

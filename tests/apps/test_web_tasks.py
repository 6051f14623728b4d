"""The web chat's tasks, spoken to as the browser does."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fakes import ScriptedEngine
from pages import PageApplication, serving_page
from task_doubles import WritingEngine, conforming

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio")  # it uses pandas in an old way


@pytest.fixture(scope="module")
def application() -> PageApplication:
    return PageApplication(WritingEngine(reply=conforming), writes=True)


@pytest.fixture(scope="module")
def url(application: PageApplication) -> Iterator[str]:
    with serving_page(application) as url:
        yield url


@pytest.fixture(scope="module")
def config(url: str) -> dict[str, Any]:
    return httpx.get(f"{url}/config").json()


def _props(config: dict[str, Any], id_: int) -> dict[str, Any]:
    return next(each["props"] for each in config["components"] if each["id"] == id_)


def _do(url: str, config: dict[str, Any], task: str, text: str, session: str = "", **inputs: Any) -> str:
    session = session or uuid.uuid4().hex
    submit = next(each for each in config["dependencies"] if each["targets"][0][1] == "submit")
    values: list[Any] = [text, "", None, task]
    for id_ in submit["inputs"][4:]:
        props = _props(config, id_)
        values.append(inputs.get(props["label"], props.get("value")))
    body = {"data": values, "fn_index": submit["id"], "session_hash": session}
    httpx.post(f"{url}/gradio_api/queue/join", json=body).raise_for_status()
    return httpx.get(f"{url}/gradio_api/queue/data", params={"session_hash": session}, timeout=30).text


def _offered(config: dict[str, Any]) -> list[str]:
    dropdown = next(each["props"] for each in config["components"] if each["props"].get("label") == "Do")
    return [name for _, name in dropdown["choices"]]


def test_the_answer_is_offered_first_and_then_every_task(config: dict[str, Any]) -> None:
    assert _offered(config)[0] == "answer"
    assert len(_offered(config)) == 13


def test_an_engine_that_quotes_is_offered_what_it_can_do_and_the_rest_is_one_line() -> None:
    with serving_page(PageApplication(ScriptedEngine())) as url:
        config = httpx.get(f"{url}/config").json()

    assert _offered(config) == ["answer", "summarize"]
    assert "11 more tasks need" in json.dumps(config)


def test_a_structured_result_is_in_words_with_its_json(url: str, config: dict[str, Any], application: PageApplication) -> None:
    shown = _do(url, config, "classify", "It broke.", Labels="bug, praise")

    assert application.run_tasks[-1] == ("classify", {"text": "It broke.", "labels": "bug, praise", "several": False})
    assert "bug&#46; word 0" in shown
    assert "<summary>JSON</summary>" in shown


def test_extracted_values_are_a_table(url: str, config: dict[str, Any]) -> None:
    shown = _do(
        url, config, "extract", "No. 7", Schema='{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    )

    assert "<table><tr><th>n</th><td>1</td></tr></table>" in shown


def test_what_a_model_writes_is_markdown() -> None:
    with serving_page(PageApplication(WritingEngine(reply=lambda *_: "It **loops**."), writes=True)) as url:
        shown = _do(url, httpx.get(f"{url}/config").json(), "explain-code", "while True: pass")

    assert "<strong>loops</strong>" in shown


def test_a_chat_is_marked_and_remembers_its_turns(url: str, config: dict[str, Any], application: PageApplication) -> None:
    session = uuid.uuid4().hex

    shown = _do(url, config, "chat", "First.", session)
    _do(url, config, "chat", "Second.", session)

    assert "Not from your documents" in shown
    history = application.run_tasks[-1][1]["history"]
    assert [message.content for message in history] == ["First.", "This is written by nobody."]


def test_a_text_is_asked_for_where_there_is_nothing_to_work_on(
    url: str, config: dict[str, Any], application: PageApplication
) -> None:
    before = len(application.run_tasks)

    assert "Type a question first" in _do(url, config, "translate", " ")
    assert len(application.run_tasks) == before


def test_a_missing_input_is_a_card_and_the_text_is_given_back(url: str, config: dict[str, Any]) -> None:
    shown = _do(url, config, "translate", "Good morning.")

    assert "Please change the question" in shown
    assert "language" in shown


def test_choosing_a_task_shows_its_inputs_and_says_what_to_type(url: str, config: dict[str, Any]) -> None:
    change = next(each for each in config["dependencies"] if each["targets"][0][1] == "change")
    body = {"data": ["write"], "fn_index": change["id"], "session_hash": "s"}
    shown = httpx.post(f"{url}/gradio_api/run/predict", json=body).json()["data"]

    assert "What the text has to say" in shown[0]["placeholder"]
    assert [each["visible"] for each in shown[2:]].count(True) == 1

"""web: what Gradio is told and what its routes do; the page itself is looked at in tests/browser."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import ScriptedEngine, scripted_pipeline
from pages import PageApplication, serving_page

from chatbot.errors import InternalError
from chatbot.flow.pipeline import Pipeline
from chatbot.schema import AnswerEvent, Message, Query, Retrieved

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio")  # it uses pandas in an old way

QUESTIONS = [(f"Answerable {n}?", ("a.md",)) for n in range(5)] + [("Unanswerable?", ())]


class _Broken(Pipeline):
    """A fault nobody foresaw."""

    def __init__(self) -> None:
        pass

    async def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        yield Retrieved(passages=())
        raise ZeroDivisionError("nobody foresaw this")


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> PageApplication:
    questions = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    lines = [json.dumps({"question": text, "expected_sources": sources}) for text, sources in reversed(QUESTIONS)]
    questions.write_text("\n".join(lines), encoding="utf-8")
    return PageApplication(ScriptedEngine(pieces=["The kettle holds four litres. [1]"]), questions)


@pytest.fixture(scope="module")
def url(application: PageApplication) -> Iterator[str]:
    with serving_page(application) as url:
        yield url


@pytest.fixture(scope="module")
def config(url: str) -> dict[str, Any]:
    return httpx.get(f"{url}/config").json()


def _components(config: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in config["components"] if each["type"] == kind]


def _value(config: dict[str, Any], id_: int) -> Any:
    return next(each["props"].get("value") for each in config["components"] if each["id"] == id_)


def _ask(url: str, config: dict[str, Any], text: str, session: str = "", collection: str = "") -> str:
    """Send a question as the browser does; gives the stream of the answer as text."""
    session = session or uuid.uuid4().hex
    submit = next(each for each in config["dependencies"] if each["targets"][0][1] == "submit")
    # question, collection and conversation, then the task and the inputs of all tasks
    untouched = [_value(config, each) for each in submit["inputs"][3:]]
    body = {"data": [text, collection, None, *untouched], "fn_index": submit["id"], "session_hash": session}
    httpx.post(f"{url}/gradio_api/queue/join", json=body).raise_for_status()
    return httpx.get(f"{url}/gradio_api/queue/data", params={"session_hash": session}, timeout=30).text


def test_nothing_is_public_recorded_or_measured(config: dict[str, Any]) -> None:
    assert {each["api_visibility"] for each in config["dependencies"]} == {"private"}
    assert (config["analytics_enabled"], config["run_history"], config["footer_links"]) == (False, False, [])


def test_the_transcript_is_never_sent_back(config: dict[str, Any]) -> None:
    """Gradio would build any component that a client names in a message."""
    transcript = _components(config, "chatbot")[0]["id"]

    assert all(transcript not in each["inputs"] for each in config["dependencies"])


def test_messages_are_read_as_html_only(config: dict[str, Any]) -> None:
    transcript = _components(config, "chatbot")[0]["props"]

    assert (transcript["latex_delimiters"], transcript["allow_tags"], transcript["buttons"]) == ([], False, [])


def test_the_first_answerable_questions_are_the_examples(config: dict[str, Any]) -> None:
    labels = [each["props"]["value"] for each in _components(config, "button")]

    assert [label for label in labels if label.endswith("?")] == ["Answerable 4?", "Answerable 3?", "Answerable 2?"]


def test_an_example_is_asked_in_its_own_collection(application: PageApplication, url: str, config: dict[str, Any]) -> None:
    example = next(each["id"] for each in _components(config, "button") if each["props"]["value"].endswith("?"))
    trigger = next(each for each in config["dependencies"] if each["targets"][0] == [example, "click"])
    body = {"data": ["Answerable 4?", None, None], "fn_index": trigger["id"], "session_hash": "example"}
    httpx.post(f"{url}/gradio_api/queue/join", json=body).raise_for_status()
    _ = httpx.get(f"{url}/gradio_api/queue/data", params={"session_hash": "example"}, timeout=30).text

    assert application.queries[-1].collections == ("handbook",)


def test_every_input_has_a_label(config: dict[str, Any]) -> None:
    inputs = _components(config, "textbox") + _components(config, "dropdown")

    assert [each["props"] for each in inputs if not each["props"].get("label")] == []
    assert {"Your question", "Search in", "Do"} <= {each["props"]["label"] for each in inputs}


def test_collections_without_a_title_are_offered_by_name(application: PageApplication, config: dict[str, Any]) -> None:
    assert _components(config, "dropdown")[0]["props"]["choices"] == [["All documents", ""], ["The <i>handbook</i>", "handbook"]]


def test_the_page_loads_nothing_from_elsewhere(url: str) -> None:
    page = httpx.get(url).text
    loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"(https?://[^\"]+)", page)

    assert [address for address in loaded if not address.startswith(url)] == []
    assert "chat.js" not in page  # inlined
    assert "data-evidence" in page


def test_the_page_does_not_present_itself_as_gradios(url: str) -> None:
    page = httpx.get(url).text

    assert not re.findall(r"og:|twitter:|manifest", page.split("<script")[0])
    assert "svg" in httpx.get(f"{url}/favicon.ico").headers["content-type"]
    assert "#0f766e" in httpx.get(f"{url}/favicon.ico").text


@pytest.mark.parametrize("content", [b"", b"a", b"more than a byte"])
def test_nothing_can_be_uploaded(url: str, content: bytes) -> None:
    response = httpx.post(f"{url}/gradio_api/upload", files={"files": ("a.txt", content)})

    assert response.status_code == 404


def test_no_file_of_this_machine_is_served_and_nothing_fetched_for_anybody(url: str) -> None:
    for path in (__file__, str(Path.cwd() / "chatbot.toml"), "/etc/passwd"):
        for route in ("/gradio_api/file=", "/file=", "//file=", "/gradio_api/%66ile="):
            assert httpx.get(f"{url}{route}{path}").status_code == 404
    for route in ("/gradio_api/proxy=http://127.0.0.1/", "/proxy=http://127.0.0.1/", "/gradio_api/dev/reload"):
        assert httpx.get(f"{url}{route}").status_code == 404


def test_an_answer_streams_and_the_next_question_carries_it(
    url: str, config: dict[str, Any], application: PageApplication
) -> None:
    session = uuid.uuid4().hex

    assert "data-evidence" in _ask(url, config, "How much?", session, "handbook")
    _ask(url, config, "And how blue?", session)

    asked = application.queries[-1]
    assert application.queries[-2].collections == ("handbook",)
    assert asked.collections == ()
    question, answer = asked.history
    assert question == Message(role="user", content="How much?")
    assert answer.content.startswith("The kettle holds four litres.")
    assert answer.cited
    assert set(answer.cited) <= set(answer.chunks)


def test_a_history_has_twenty_messages_at_most(url: str, config: dict[str, Any], application: PageApplication) -> None:
    session = uuid.uuid4().hex
    for number in range(12):
        _ask(url, config, f"How much of {number}?", session)

    assert len(application.queries[-1].history) == 20
    assert application.queries[-1].history[0].content == "How much of 1?"


def test_an_empty_question_is_not_asked(url: str, config: dict[str, Any], application: PageApplication) -> None:
    before = len(application.queries)

    assert "Type a question first" in _ask(url, config, "  \n ")
    assert len(application.queries) == before


def test_a_question_to_be_changed_is_given_back(url: str, config: dict[str, Any]) -> None:
    shown = _ask(url, config, "why " * 2000)

    assert "Please change the question" in shown
    assert "why " * 2000 in shown


def test_a_failing_engine_leaves_a_card() -> None:
    engine = ScriptedEngine(pieces=["The kettle", InternalError("the engine is gone; start it again")])
    with serving_page(PageApplication(engine)) as url:
        shown = _ask(url, httpx.get(f"{url}/config").json(), "How much?")

    assert "The engine is gone" in shown


def test_a_fault_nobody_foresaw_leaves_a_card_and_a_log(caplog: pytest.LogCaptureFixture) -> None:
    with serving_page(PageApplication(ScriptedEngine(), pipeline=_Broken())) as url:
        shown = _ask(url, httpx.get(f"{url}/config").json(), "How much?")

    assert "it has been logged" in shown
    assert "nobody foresaw" not in shown
    assert "could not answer request" in caplog.text


def test_documents_that_came_later_are_offered_on_reload() -> None:
    application = PageApplication(ScriptedEngine(), held={}, pipeline=scripted_pipeline(ScriptedEngine(), []))
    with serving_page(application) as url:
        config = httpx.get(f"{url}/config").json()
        application.held = {"notes": 3}
        load = next(each for each in config["dependencies"] if each["targets"][0][1] == "load")
        body = {"data": [], "fn_index": load["id"], "session_hash": "s"}
        shown = httpx.post(f"{url}/gradio_api/run/predict", json=body).text
        _ask(url, config, "How much?", "s", "notes")

    assert "chatbot sync PATH" in json.dumps(config)
    assert "chatbot sync PATH" not in shown
    assert "notes" in shown
    assert application.queries[0].collections == ("notes",)

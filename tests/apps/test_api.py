"""The HTTP API, spoken to over HTTP."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from typing import Any, cast

import httpx
import pytest
from conftest import SmallApplication
from fakes import TOKEN, ScriptedApplication, ScriptedEngine, passage, scripted_server, serving
from starlette.testclient import TestClient

from chatbot.apps.remote import RemoteApplication
from chatbot.apps.state import Progress
from chatbot.bootstrap import Application
from chatbot.engines.parts import Engine
from chatbot.errors import (
    BadParameter,
    ChatbotError,
    EngineBroke,
    EngineBusy,
    EngineTimedOut,
    EngineUnreachable,
    InternalError,
    KeyRefused,
    ModelNotServed,
    OutputInvalid,
    PromptError,
    PromptTooLong,
    SettingsError,
    SyncStopped,
)
from chatbot.knowledge.store.ownership import Owner
from chatbot.knowledge.syncing.pace import Pace
from chatbot.reports import DocumentReport
from chatbot.sampling import Sampling
from chatbot.schema import Answer, Completed, DeltaReleased, Failed, answer_event
from chatbot.settings import Settings

QUESTION = {"question": "How much does the kettle hold?"}
OWNER = {"Authorization": f"Bearer {TOKEN}"}


def _client(application: Any, settings: Settings | None = None, progress: Progress | None = None) -> TestClient:
    app = scripted_server(application, settings, progress)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def _scripted(*pieces: str | Exception) -> ScriptedApplication:
    return ScriptedApplication(ScriptedEngine(pieces=pieces or ("Four litres", ". [1]", " It is blue. [1]")))


@pytest.fixture
def client() -> TestClient:
    return _client(_scripted())


@pytest.fixture(scope="module")
def real(application: Application) -> Iterator[TestClient]:
    """The API over the real application."""
    with _client(application) as client:
        yield client


def _events(body: str) -> list[dict[str, str]]:
    """Server-Sent Events as field to value."""
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in body.strip().split("\n\n")]


def _assert_problem(response: httpx.Response, status: int, detail: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body.keys() - {"code"} == {"type", "title", "status", "detail"}
    assert body["status"] == status
    assert detail in body["detail"]


# answers


def test_a_question_gets_an_answer_with_citations(real: TestClient) -> None:
    response = real.post("/v1/answers", json={"question": "What is nucleus sampling?"})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = Answer.model_validate_json(response.text)
    assert answer.status == "answered"
    assert answer.citations


def test_the_stream_names_each_event_by_its_type_and_numbers_them(real: TestClient) -> None:
    response = real.post("/v1/answers", json={"question": "What is nucleus sampling?", "stream": True})

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    events = _events(response.text)
    assert [event["id"] for event in events] == [str(number) for number in range(1, len(events) + 1)]
    assert [event["event"] for event in events] == [json.loads(event["data"])["type"] for event in events]
    assert events[0]["event"] == "retrieved"


def test_the_stream_and_the_json_form_say_the_same(real: TestClient) -> None:
    body = {"question": "What is nucleus sampling?", "collections": ["llm-primer"]}
    whole = Answer.model_validate_json(real.post("/v1/answers", json=body).text)

    events = [
        answer_event.validate_json(each["data"]) for each in _events(real.post("/v1/answers", json={**body, "stream": True}).text)
    ]

    assert isinstance(events[-1], Completed)
    assert events[-1].answer.text == whole.text
    assert "".join(event.text for event in events if isinstance(event, DeltaReleased)).strip() == whole.text
    assert events[-1].answer.citations == whole.citations


@pytest.mark.parametrize("pieces", [("Four litres. [1]",), ("Four ", InternalError("gone")), (InternalError("gone"),)])
def test_a_stream_has_exactly_one_terminal_event(pieces: tuple[str | Exception, ...]) -> None:
    events = _events(_client(_scripted(*pieces)).post("/v1/answers", json={**QUESTION, "stream": True}).text)

    terminal = [event["event"] in {"completed", "error"} for event in events]
    assert terminal == [False] * (len(events) - 1) + [True]


def test_an_error_midway_is_an_event_of_the_stream() -> None:
    client = _client(_scripted("Four ", InternalError("the engine went away")))

    last = _events(client.post("/v1/answers", json={**QUESTION, "stream": True}).text)[-1]

    assert answer_event.validate_json(last["data"]) == Failed(code="InternalError", message="the engine went away")


def test_even_an_unforeseen_error_midway_ends_the_stream_with_an_event_and_tells_no_secret() -> None:
    client = _client(_scripted("Four ", RuntimeError("password=hunter2")))

    text = client.post("/v1/answers", json={**QUESTION, "stream": True}).text

    assert _events(text)[-1]["event"] == "error"
    assert "hunter2" not in text


def test_an_error_midway_is_a_problem_in_the_json_form() -> None:
    response = _client(_scripted("Four ", InternalError("the engine went away"))).post("/v1/answers", json=QUESTION)

    _assert_problem(response, 500, "the engine went away")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PromptTooLong("long"), 400),
        (BadParameter("bad"), 400),
        (ModelNotServed("none"), 502),
        (KeyRefused("key"), 502),
        (EngineBroke("broke"), 502),
        (OutputInvalid("no JSON"), 502),
        (EngineUnreachable("nobody"), 503),
        (EngineBusy("busy"), 503),
        (EngineTimedOut("late"), 504),
    ],
)
def test_what_goes_wrong_between_us_and_the_engines_server_has_a_status_of_its_own(error: ChatbotError, status: int) -> None:
    response = _client(_scripted(error)).post("/v1/answers", json=QUESTION)

    _assert_problem(response, status, str(error))
    assert response.json()["code"] == type(error).__name__


def test_a_busy_engine_says_when_to_come_back() -> None:
    asked = _client(_scripted(EngineBusy("busy", 16.2)))

    assert asked.post("/v1/answers", json=QUESTION).headers["retry-after"] == "17"
    last = _events(asked.post("/v1/answers", json={**QUESTION, "stream": True}).text)[-1]
    assert json.loads(last["data"])["retry_after_s"] == 16.2


def test_sampling_and_the_passages_of_earlier_turns_reach_the_flow() -> None:
    application = ScriptedApplication(Engine(ScriptedEngine(needs_documents=False)))
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b [1]", "chunks": ["c1"], "cited": ["c1"]}]

    answered = _client(application).post("/v1/answers", json={**QUESTION, "history": history, "sampling": {"seed": 7}})

    assert answered.status_code == 200
    query = application.retrieve.calls[0][0]
    assert query.sampling == Sampling(seed=7)
    assert (query.history[1].chunks, query.history[1].cited) == (("c1",), ("c1",))


def test_what_the_documents_do_not_say_is_an_answer_too(real: TestClient) -> None:
    response = real.post("/v1/answers", json={"question": "Who won the football world cup in 1974?"})

    assert response.status_code == 200
    assert response.json()["status"] == "abstained"


def test_history_is_understood() -> None:
    application = _scripted()
    history = [{"role": "user", "content": "Which kettle?"}, {"role": "assistant", "content": "The blue one."}]

    _client(application).post("/v1/answers", json={**QUESTION, "history": history})

    assert [message.text for message in application.engine.messages[0]][:2] == ["Which kettle?", "The blue one."]


def test_any_language_comes_back_as_it_went_in() -> None:
    client = _client(_scripted("模型 “wie” é 🫖. [1]"))

    assert client.post("/v1/answers", json={"question": "什么是模型？🫖"}).json()["text"] == "模型 “wie” é 🫖. [1]"


def test_what_the_asker_can_mend_midway_is_400_in_the_json_form() -> None:
    response = _client(_scripted("Four ", PromptError("the prompt is gone"))).post("/v1/answers", json=QUESTION)

    _assert_problem(response, 400, "the prompt is gone")


# refusals


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("question", "says"), [("", "empty"), (" \n", "empty"), ("x" * 4001, "4,001 characters")])
def test_a_bad_question_is_400_in_both_forms(client: TestClient, question: str, says: str, stream: bool) -> None:
    _assert_problem(client.post("/v1/answers", json={"question": question, "stream": stream}), 400, says)


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_collection_is_404_in_both_forms(client: TestClient, stream: bool) -> None:
    response = client.post("/v1/answers", json={**QUESTION, "collections": ["cellar"], "stream": stream})

    _assert_problem(response, 404, "there is no collection 'cellar'; there are: handbook")


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/answers", {}, "question"),
        ("/v1/answers", {"question": 5}, "question"),
        ("/v1/answers", {**QUESTION, "temprature": 1}, "temprature"),
        ("/v1/answers", {**QUESTION, "history": [{"role": "robot", "content": "x"}]}, "history.0.role"),
        ("/v1/answers", [], "body: "),
        ("/v1/search", {"text": "kettle", "k": 0}, "k: "),
        ("/v1/search", {"text": "kettle", "k": 101}, "k"),
    ],
)
def test_a_malformed_body_is_422_and_names_the_place(client: TestClient, path: str, body: Any, says: str) -> None:
    _assert_problem(client.post(path, json=body), 422, says)


def test_a_body_that_is_no_json_is_422(client: TestClient) -> None:
    response = client.post("/v1/answers", content=b"{nope", headers={"content-type": "application/json"})

    _assert_problem(response, 422, "this is no JSON")


def test_half_a_character_does_no_harm(real: TestClient) -> None:
    body = rb'{"question": "What is \ud800 nucleus sampling?"}'

    response = real.post("/v1/answers", content=body, headers={"content-type": "application/json"})

    assert response.json()["status"] == "answered"


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nothing"), ("POST", "/v1/nothing"), ("GET", "/v1/answers")])
def test_what_the_api_does_not_have_is_a_problem_too(client: TestClient, method: str, path: str) -> None:
    _assert_problem(client.request(method, path), 404, f"{method} {path}")


def test_an_unexpected_error_tells_nothing_of_the_inside() -> None:
    response = _client(_scripted(ValueError("/secret/path"))).post("/v1/answers", json=QUESTION)

    _assert_problem(response, 500, "log says what")
    assert "secret" not in response.text


# search


def test_search_gives_passages_best_first_with_every_score(real: TestClient) -> None:
    passages = real.post("/v1/search", json={"text": "nucleus sampling", "k": 4}).json()["passages"]

    assert [each["rank"] for each in passages] == [1, 2, 3, 4]
    assert "Nucleus sampling" in passages[0]["chunk"]["text"]
    assert passages[0].keys() >= {"score", "dense", "lexical", "source", "collection", "title"}


def test_search_refuses_as_answers_do(client: TestClient) -> None:
    _assert_problem(client.post("/v1/search", json={"text": ""}), 400, "empty")
    _assert_problem(client.post("/v1/search", json={"text": "x", "collections": ["cellar"]}), 404, "cellar")


# health


def test_while_it_starts_it_lives_but_is_not_ready_and_says_how_far_it_is() -> None:
    client = _client(None, progress=Progress(phase="syncing", done=3, total=46, message="03-tokenization.md"))

    assert client.get("/livez").json() == {"status": "ok"}
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "phase": "syncing",
        "done": 3,
        "total": 46,
        "message": "03-tokenization.md",
        "page": False,
        "chunks_per_s": None,
        "seconds_left": None,
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/answers", QUESTION),
        ("POST", "/v1/answers", {**QUESTION, "stream": True}),
        ("POST", "/v1/search", {"text": "kettle"}),
    ],
)
def test_questions_asked_too_early_are_503_with_a_time_to_come_back(method: str, path: str, body: Any) -> None:
    response = _client(None).request(method, path, json=body)

    _assert_problem(response, 503, "starting")
    assert int(response.headers["retry-after"]) > 0


def test_readiness_comes_with_the_first_sync() -> None:
    app = scripted_server(None)
    client = TestClient(app, base_url="http://127.0.0.1")
    assert client.get("/readyz").status_code == 503

    app.state.server.application = _scripted()
    app.state.server.progress = Progress(ready=True, phase="ready")

    assert client.get("/readyz").status_code == 200
    assert client.post("/v1/answers", json=QUESTION).status_code == 200


# who may come in


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:7860", "localhost:7860", "[::1]:7860", "LOCALHOST"])
def test_this_machine_is_let_in_under_its_own_names(client: TestClient, host: str) -> None:
    assert client.get("/livez", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", "www.localhost", ""])
def test_a_name_that_is_not_ours_is_refused(client: TestClient, host: str) -> None:
    """Another site's page could have made its own name resolve to this machine (DNS rebinding)."""
    for path in ("/livez", "/", "/v1/models"):
        assert client.get(path, headers={"host": host}).status_code == 400


def test_a_name_from_the_settings_is_let_in() -> None:
    client = _client(_scripted(), Settings(host="0.0.0.0", allowed_hosts=("chat.example",)))

    assert client.get("/livez", headers={"host": "chat.example"}).status_code == 200
    assert client.get("/livez", headers={"host": "other.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/v1/models", "/v1/nothing", "/", "/nothing"])
def test_every_response_carries_the_security_headers(client: TestClient, path: str) -> None:
    _assert_secure(client.get(path))


def test_refusals_and_failures_carry_them_too(client: TestClient) -> None:
    _assert_secure(client.get("/livez", headers={"host": "evil.example"}))
    _assert_secure(client.post("/v1/answers", json={}))
    _assert_secure(client.post("/v1/answers", json={**QUESTION, "stream": True}))
    _assert_secure(_client(_scripted(ValueError("boom"))).post("/v1/answers", json=QUESTION))


def _assert_secure(response: httpx.Response) -> None:
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"]


def test_no_other_site_may_read_an_answer(client: TestClient) -> None:
    response = client.post("/v1/answers", json=QUESTION, headers={"origin": "https://evil.example"})

    assert "access-control-allow-origin" not in response.headers


# sync


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN[:-1]}, {"Authorization": "é"}]
)
def test_sync_without_the_token_is_401_and_syncs_nothing(headers: dict[str, str]) -> None:
    application = _scripted()

    response = _client(application).post("/v1/sync", json={}, headers={key: value.encode() for key, value in headers.items()})

    _assert_problem(response, 401, "token")
    assert response.headers["www-authenticate"] == "Bearer"
    assert not application.sync_closed.is_set()


def test_verify_without_the_token_is_401() -> None:
    _assert_problem(_client(_scripted()).post("/v1/verify", json={"repair": True}), 401, "token")


def test_sync_reports_one_document_a_line() -> None:
    application = _scripted()
    application.reports = [DocumentReport(source=f"{number}.md", collection="c", state="added") for number in range(3)]

    response = _client(application).post("/v1/sync", json={"paths": ["/docs"]}, headers=OWNER)

    *reports, progress = map(json.loads, response.text.splitlines())
    assert [report["source"] for report in reports] == ["0.md", "1.md", "2.md"]
    assert progress["type"] == "progress", "what was split anew is told last, for it is no document's report"


def test_an_error_of_a_sync_is_its_last_line() -> None:
    application = _scripted()
    application.reports = [DocumentReport(source="1.md", collection="c", state="added"), SettingsError("there is no file")]

    lines = _client(application).post("/v1/sync", json={}, headers=OWNER).text.splitlines()

    assert answer_event.validate_json(lines[-1]) == Failed(code="SettingsError", message="there is no file")


def test_a_sync_that_ends_with_its_server_does_not_look_done() -> None:
    application = _scripted()
    application.reports = [DocumentReport(source="1.md", collection="c", state="added")]
    app = scripted_server(application)
    app.state.server.stopping.set()

    last = TestClient(app, base_url="http://127.0.0.1").post("/v1/sync", json={}, headers=OWNER).text.splitlines()[-1]

    assert json.loads(last)["code"] == "SyncStopped"
    assert application.sync_closed.wait(5)


def test_even_an_unforeseen_error_of_a_sync_is_its_last_line_and_tells_no_secret() -> None:
    application = _scripted()
    application.reports = [DocumentReport(source="1.md", collection="c", state="added"), OSError("password=hunter2")]

    response = _client(application).post("/v1/sync", json={}, headers=OWNER)

    assert json.loads(response.text.splitlines()[-1])["code"] == "InternalError"
    assert "hunter2" not in response.text


def test_a_real_sync_through_the_api_makes_a_document_answerable(small_application: SmallApplication, tmp_path: Any) -> None:
    application = small_application({"kitchen/pot.md": "# Pot\n\nA clay pot must dry for a week."})
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "kettle.md").write_text("# Kettle\n\nThe blue kettle holds four litres of water.")
    with _client(application) as client:
        reports = client.post("/v1/sync", json={"paths": [str(tmp_path / "more")], "collection": "new"}, headers=OWNER).text

        answer = client.post("/v1/answers", json={**QUESTION, "collections": ["new"]}).json()

    assert [report["state"] for report in _reports(reports)] == ["added"]
    assert "four litres" in answer["text"]


# clients that leave


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/answers", {**QUESTION, "stream": True}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "kettle?"}], "stream": True}),
    ],
)
def test_a_client_that_leaves_stops_the_engine(path: str, body: Any) -> None:
    engine = ScriptedEngine(pieces=["word "], endless=True)
    with (
        serving(scripted_server(ScriptedApplication(engine, [passage("The kettle holds four litres.")]))) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        with client.stream("POST", path, json=body) as response:
            lines = response.iter_lines()
            while "word" not in next(lines):
                pass

        assert engine.closed.wait(5)


def test_a_client_that_stopped_reading_stops_the_engine_when_it_leaves() -> None:
    engine = ScriptedEngine(pieces=["It is so. " * 10_000], endless=True)
    with serving(scripted_server(ScriptedApplication(engine))) as url, httpx.Client(base_url=url, trust_env=False) as client:
        with client.stream("POST", "/v1/answers", json={**QUESTION, "stream": True}):
            said = -1
            while said < len(engine.said):  # until the server waits for the client
                said = len(engine.said)
                engine.closed.wait(0.2)

        assert engine.closed.wait(5)


def test_a_client_that_stopped_reading_ends_its_sync_when_it_leaves() -> None:
    application = _scripted()
    application.reports = [DocumentReport(source="1.md", collection="c", state="failed", reason="x" * 100_000)] * 500
    with (
        serving(scripted_server(application)) as url,
        httpx.Client(base_url=url, headers=OWNER, trust_env=False) as client,
    ):
        with client.stream("POST", "/v1/sync", json={}):
            application.sync_closed.wait(0.5)  # the server waits for the client by then
            assert not application.sync_closed.is_set()

        assert application.sync_closed.wait(5)


def test_a_sync_that_is_cancelled_from_another_process_stops_at_the_next_step() -> None:
    class Endless(ScriptedApplication):
        """Syncs until its pace stops it."""

        def sync(self, *given: Any, **named: Any) -> Iterator[DocumentReport]:
            pace = next(each for each in given if isinstance(each, Pace))
            yield DocumentReport(source="1.md", collection="c", state="added")
            while True:
                try:
                    pace.check()
                except SyncStopped:
                    self.sync_closed.set()
                    raise

    application = Endless(ScriptedEngine())
    with serving(scripted_server(application)) as url:
        remote = RemoteApplication(Owner(pid=1, url=url, token=TOKEN), print)
        reports = cast("Generator[DocumentReport]", remote.sync(["/docs"]))
        assert next(reports).source == "1.md"

        reports.close()

        assert application.sync_closed.wait(10)


def test_a_client_that_leaves_midway_does_not_block_the_next_sync(small_application: SmallApplication, tmp_path: Any) -> None:
    application = small_application({})
    for number in range(300):
        path = tmp_path / "docs" / f"{number}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text("")  # refused at once, so that each is a line of its own
    with (
        serving(scripted_server(application)) as url,
        httpx.Client(base_url=url, headers=OWNER, trust_env=False, timeout=20) as client,
    ):
        with client.stream("POST", "/v1/sync", json={"paths": [str(tmp_path / "docs")]}) as response:
            next(response.iter_lines())

        reports = client.post("/v1/sync", json={"paths": [str(tmp_path / "docs")]}).text

    assert len(_reports(reports)) == 300


def _reports(lines: str) -> list[dict[str, Any]]:
    """What a sync did, without what it says in between of how far it is."""
    events = map(json.loads, lines.splitlines())
    return [event for event in events if event.get("type") != "progress"]


def test_the_api_describes_itself_without_the_owners_routes(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    assert {"/v1/answers", "/v1/search", "/readyz", "/v1/models", "/v1/chat/completions"} <= paths.keys()
    assert "/v1/sync" not in paths

"""What is let in: over real sockets, because that is where clients send too much, too slowly, or leave."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from fakes import ScriptedApplication, ScriptedEngine, scripted_server, serving

from chatbot.apps import admission

QUESTION = {"question": "How much does the kettle hold?"}


@pytest.fixture
def endless() -> ScriptedEngine:
    return ScriptedEngine(pieces=["on and on "], endless=True)


@pytest.fixture
def url(endless: ScriptedEngine) -> Iterator[str]:
    with serving(scripted_server(ScriptedApplication(endless))) as url:
        yield url


def _connected(url: str) -> socket.socket:
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port or 80), timeout=10)


def _head(length: int) -> bytes:
    return (
        f"POST /v1/answers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("path", ["/v1/answers", "/v1/search", "/v1/sync", "/v1/chat/completions"])
def test_a_body_without_end_is_refused_in_the_shape_of_its_route(url: str, path: str) -> None:
    response = httpx.post(f"{url}{path}", content=b" " * (admission.MAX_BODY + 1), headers={"Content-Type": "application/json"})

    said = response.json()
    assert response.status_code == 413
    assert (said["error"]["message"] if "completions" in path else said["detail"]) == "the body has more than 2 MiB"


def test_the_longest_history_is_let_in(url: str) -> None:
    history = [{"role": "user", "content": "\N{GRINNING FACE}" * 99_000}]
    body = json.dumps({**QUESTION, "question": " ", "history": history})  # 12 bytes a character

    assert "empty" in httpx.post(f"{url}/v1/answers", content=body, headers={"Content-Type": "application/json"}).text


def test_headers_without_end_are_refused(url: str) -> None:
    response = httpx.get(f"{url}/livez", headers={"X-Long": "x" * (admission.MAX_HEADERS + 1)})

    assert response.status_code in {400, 431}  # the server's own parser may be stricter


def test_a_body_that_does_not_come_is_not_waited_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "BODY_S", 0.2)
    with _connected(url) as client:
        client.sendall(_head(100) + b'{"question"')

        assert client.recv(1000).startswith(b"HTTP/1.1 408")


def test_an_answer_nobody_waits_for_is_stopped(url: str, endless: ScriptedEngine) -> None:
    body = json.dumps(QUESTION).encode()
    with _connected(url) as client:
        client.sendall(_head(len(body)) + body)
        while not endless.said:
            pass

    assert endless.closed.wait(10)


def test_more_questions_than_can_be_answered_are_refused_with_a_time_to_come_back(
    url: str, monkeypatch: pytest.MonkeyPatch, endless: ScriptedEngine
) -> None:
    monkeypatch.setattr(admission, "MAX_QUESTIONS", 1)
    with httpx.stream("POST", f"{url}/v1/answers", json={**QUESTION, "stream": True}) as first:
        lines = first.iter_lines()
        next(lines)  # an iterator that is let go closes its stream
        refused = httpx.post(f"{url}/v1/answers", json=QUESTION)

        assert httpx.get(f"{url}/livez").status_code == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert endless.closed.wait(10)
    with httpx.stream("POST", f"{url}/v1/answers", json={**QUESTION, "stream": True}) as again:
        assert again.status_code == 200

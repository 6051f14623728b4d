"""The list of documents: by state and collection, a page at a time, the same here and through the serving process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes import TOKEN, scripted_server, serving
from fastapi.testclient import TestClient

from chatbot.apps.remote import RemoteApplication
from chatbot.bootstrap import Application
from chatbot.knowledge.store.ownership import Owner
from chatbot.reports import StoredState

FILES = {"cats/purr.md": "# Cats\n\nCats purr.", "cats/empty.txt": "", "dogs/bark.md": "# Dogs\n\nDogs bark."}


@pytest.fixture
def application(small_application: Callable[..., Application]) -> Application:
    return small_application(FILES)


def test_documents_are_listed_with_state_and_reason(application: Application) -> None:
    client = TestClient(scripted_server(application), base_url="http://127.0.0.1")  # type: ignore[arg-type]
    listed = client.get("/v1/documents").json()
    assert listed == {
        "documents": [
            {"collection": "cats", "source": "empty.txt", "state": "refused", "reason": "the file is empty", "chunks": 0},
            {"collection": "cats", "source": "purr.md", "state": "live", "reason": "", "chunks": 1},
            {"collection": "dogs", "source": "bark.md", "state": "live", "reason": "", "chunks": 1},
        ],
        "total": 3,
    }
    found = client.get("/v1/documents", params={"state": "live", "collection": "cats"}).json()
    assert [each["source"] for each in found["documents"]] == ["purr.md"]
    page = client.get("/v1/documents", params={"state": ["live", "refused"], "offset": 1, "limit": 1}).json()
    assert ([each["source"] for each in page["documents"]], page["total"]) == (["purr.md"], 3)
    assert client.get("/v1/documents", params={"state": "lost"}).status_code == 422


@pytest.mark.parametrize("states", [(), ("refused",), ("live", "refused"), ("failed",)])
def test_documents_are_the_same_here_and_there(states: tuple[StoredState, ...], application: Application) -> None:
    with serving(scripted_server(application)) as url:  # type: ignore[arg-type]
        remote = RemoteApplication(Owner(pid=1, command="serve", url=url, token=TOKEN), lambda _: None)
        assert remote.stored(states) == application.stored(states)

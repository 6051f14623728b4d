"""Documents brought and taken over HTTP, over the real application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import TOKEN, scripted_server
from faults.file_names import names
from internet import Server, page, serving
from starlette.testclient import TestClient

from chatbot.bootstrap import Application

DOGS = {"dogs/bark.md": "# Dogs\n\nDogs bark at the postman."}
CATS = b"# Cats\n\nCats purr when they are happy."


@pytest.fixture
def application(small_application: Callable[..., Application]) -> Application:
    return small_application(DOGS, fetch={"allow_private": ("127.0.0.0/8",), "pause_s": 0})


@pytest.fixture
def client(application: Application) -> TestClient:
    return TestClient(scripted_server(application), base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture
def web() -> Iterator[Server]:
    with serving() as server:
        yield server


def sent(client: TestClient, name: str, content: bytes, collection: str = "papers", **headers: str) -> list[tuple[str, str]]:
    response = client.post(f"/v1/documents?collection={collection}", files={"file": (name, content)}, headers=headers)
    assert response.status_code == 200, response.text
    return [(each["source"], each["state"]) for each in response.json()["documents"]]


def found(client: TestClient, text: str) -> str:
    return client.post("/v1/search", json={"text": text, "k": 1}).json()["passages"][0]["source"]


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_an_uploaded_file_is_found_replaced_and_removed(client: TestClient) -> None:
    assert sent(client, "cats.md", CATS) == [("cats.md", "added")]
    assert found(client, "Why do cats purr?") == "cats.md"
    assert sent(client, "cats.md", CATS) == [("cats.md", "unchanged")]
    assert sent(client, "cats.md", CATS + b" And when they eat.") == [("cats.md", "changed")]
    gone = client.delete("/v1/documents/papers/cats.md")
    assert [each["state"] for each in gone.json()["documents"]] == ["removed"]
    assert found(client, "Why do cats purr?") == "bark.md"
    assert client.delete("/v1/documents/papers/cats.md").status_code == 404


def test_a_file_that_cannot_be_read_has_a_verdict_with_its_reason(client: TestClient) -> None:
    response = client.post("/v1/documents", files=[("a", ("a.exe", b"MZ")), ("b", ("b.pdf", b"no pdf")), ("c", ("c.md", CATS))])
    verdicts = {each["source"]: (each["state"], bool(each["reason"])) for each in response.json()["documents"]}
    assert verdicts == {"a.exe": ("refused", True), "b.pdf": ("refused", True), "c.md": ("added", False)}
    assert client.delete("/v1/documents/documents/a.exe").status_code == 200


def test_a_file_for_which_there_is_no_room_is_said_and_keeps_no_other_out(client: TestClient, application: Application) -> None:
    taken = application.uploads.folder("papers") / "taken.md"
    (taken / "inside").mkdir(parents=True)  # stands for whatever keeps a file from being stored
    files = [("f", ("cats.md", CATS)), ("f", ("taken.md", CATS + b"x")), ("f", ("dogs.md", CATS + b"y"))]
    response = client.post("/v1/documents?collection=papers", files=files)
    verdicts = {each["source"]: (each["state"], each["reason"]) for each in response.json()["documents"]}
    assert verdicts.pop("taken.md") == (
        "failed",
        "cannot be stored: Is a directory; make room on the server's disk, or mend its data directory",
    )
    assert verdicts == {"cats.md": ("added", ""), "dogs.md": ("added", "")}


def test_hostile_names_change_nothing_outside_the_folder(client: TestClient, application: Application, tmp_path: Path) -> None:
    data = application.settings.data_dir
    before = listing(tmp_path)
    every = names(500)
    for start in range(0, 500, 50):
        boundary = "sixteen-tons-of-boundary"
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="{_escaped(name)}"; '
            f"filename*=UTF-8''..%2f..%2fcanary{start}.exe\r\n\r\nx\r\n"
            for name in every[start : start + 50]
        ]
        body = ("".join(parts) + f"--{boundary}--\r\n").encode("utf-8", "replace")
        client.post(
            "/v1/documents?collection=papers", content=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
        )
    uploads = str((data / "uploads").relative_to(tmp_path))
    new = {path for path in listing(tmp_path) - before if not path.startswith(uploads)}
    assert {path for path in new if "indexes" not in path and "catalogue" not in path} == set()
    assert not [path for path in listing(tmp_path) if "passwd" in path and not path.startswith(f"{uploads}/papers/")]


def _escaped(name: str) -> str:
    return name.replace("\r", "\x0e").replace("\n", "\x0e").replace('"', "%22")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:81"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/documents"), ("POST", "/v1/documents/pages"), ("DELETE", "/v1/documents/dogs/bark.md")]
)
def test_another_sites_page_changes_nothing(
    client: TestClient, application: Application, headers: dict[str, str], method: str, path: str
) -> None:
    response = client.request(method, path, headers=headers, files={"file": ("a.md", CATS)} if method == "POST" else None)
    assert (response.status_code, "another site" in response.json()["detail"]) == (403, True)
    assert not (application.settings.data_dir / "uploads").exists()


def test_our_own_page_and_programs_may(client: TestClient) -> None:
    own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert sent(client, "a.md", CATS, **own) == [("a.md", "added")]


def test_where_other_machines_reach_the_server_only_the_token_opens_it(small_application: Callable[..., Application]) -> None:
    application = small_application(DOGS, host="0.0.0.0", allowed_hosts=("chat.example",))
    client = TestClient(scripted_server(application, application.settings), base_url="http://chat.example")
    assert client.post("/v1/documents", files={"file": ("a.md", CATS)}).status_code == 401
    assert sent(client, "a.md", CATS, Authorization=f"Bearer {TOKEN}") == [("a.md", "added")]


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ({"content": b"a=b", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}, 400),
        ({"data": {"a": "b"}, "files": {"": ("", b"")}}, 400),
        ({"files": {"file": ("a.md", CATS)}, "params": {"collection": "../a"}}, 400),
    ],
)
def test_what_is_no_upload_is_said(client: TestClient, call: dict[str, object], status: int) -> None:
    response = client.post("/v1/documents", **call)  # type: ignore[arg-type]
    assert (response.status_code, bool(response.json()["detail"])) == (status, True)


def test_too_large_an_upload_is_refused_before_it_is_read(client: TestClient, application: Application) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield b'--a\r\nContent-Disposition: form-data; name="f"; filename="a.md"\r\n\r\n'
        for _ in range(200):
            read += 1
            yield bytes(2**20)

    response = client.post("/v1/documents", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=a"})
    assert (response.status_code, "more than 51 MiB" in response.json()["detail"]) == (413, True)
    assert not list((application.settings.data_dir / "uploads").rglob("*.md"))


def test_a_page_is_added_and_removed_by_its_address(client: TestClient, web: Server) -> None:
    web.routes["/cats"] = page("<h1>Cats</h1><p>Cats purr when they are happy.</p>")
    url = f"{web.url}/cats"
    said = [json.loads(line) for line in client.post("/v1/documents/pages", json={"url": url}).text.splitlines()]
    assert [(each["source"], each["state"]) for each in said if each.get("type") != "progress"] == [(url, "added")]
    assert found(client, "Why do cats purr?") == url
    gone = client.delete(f"/v1/documents/documents/{url}")
    assert [each["state"] for each in gone.json()["documents"]] == ["removed"]


@pytest.mark.parametrize("given", ["/etc/passwd", "knowledge:dogs", "dogs", "", "C:\\Windows"])
def test_a_path_is_not_read_as_a_page(client: TestClient, application: Application, given: str) -> None:
    before = application.catalogue.sources()
    response = client.post("/v1/documents/pages", json={"url": given})
    assert (response.status_code, "is no URL" in response.json()["detail"]) == (400, True)
    assert application.catalogue.sources() == before


def test_what_can_be_removed_here_is_named(client: TestClient) -> None:
    client.post("/v1/documents?collection=dogs", files={"f": ("tail.md", b"# Tails\n\nA tail wags.")})
    (uploads,) = client.get("/v1/documents/sources").json()["sources"]
    assert (uploads["collection"], uploads["kind"], uploads["names"]) == ("dogs", "uploads", ["tail.md"])


def test_what_lies_elsewhere_is_not_removed_here(client: TestClient) -> None:
    response = client.delete("/v1/documents/dogs/bark.md")
    assert (response.status_code, "comes with knowledge:dogs" in response.json()["detail"]) == (409, True)

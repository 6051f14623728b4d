"""Pages and sitemaps as sources, over real servers on loopback and real stores."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import pytest
from internet import Server, page, redirect, response, serving

from chatbot.bootstrap import Application
from chatbot.errors import SettingsError
from chatbot.reports import DocumentReport
from chatbot.schema import Query

DOGS = {"dogs/bark.md": "# Dogs\n\nDogs bark at the postman."}
CATS = "<html><head><title>All about cats</title></head><body><h1>Cats</h1><p>Cats purr when they are happy.</p></body></html>"
BIRDS = "<html><head><title>Birds</title></head><body><p>Birds sing at dawn in the old orchard.</p></body></html>"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def application(small_application: Callable[..., Application]) -> Application:
    return small_application(DOGS, fetch={"allow_private": ("127.0.0.0/8",), "pause_s": 0})


def sitemap(server: Server, *paths: str, kind: str = "urlset", item: str = "url") -> bytes:
    listed = "".join(f"<{item}><loc>{server.url}{path}</loc></{item}>" for path in paths)
    return response(200, f"<?xml version='1.0'?>\n<!-- made by hand -->\n<{kind}>{listed}</{kind}>".encode())


def packed(sent: bytes) -> bytes:
    return response(200, gzip.compress(sent.partition(b"\r\n\r\n")[2]))


def synced(application: Application, *given: str, dry_run: bool = False) -> dict[str, str]:
    return {each.source: each.state for each in application.sync(given, dry_run=dry_run)}


def only(application: Application, *given: str) -> DocumentReport:
    [report] = application.sync(given)
    return report


async def found(application: Application, text: str) -> tuple[str, str]:
    [passage] = await application.search(Query(text=text), 1)
    return passage.source, passage.title


async def test_a_page_is_found_under_its_address_and_title(application: Application, server: Server) -> None:
    server.routes["/cats"] = page(CATS)
    url = f"{server.url}/cats"
    assert synced(application, f"{url}#paws", dry_run=True) == {url: "added"}
    assert application.catalogue.documents(url) == []
    assert synced(application, url) == {url: "added"}
    assert await found(application, "Why do cats purr?") == (url, "Cats")


async def test_an_unchanged_page_is_neither_sent_nor_read_again(application: Application, server: Server) -> None:
    server.routes["/"] = lambda headers: [response(304) if headers.get("if-none-match") == '"1"' else page(CATS, ETag='"1"')]
    url = f"{server.url}/"
    assert [synced(application, url), synced(application, url)] == [{url: "added"}, {url: "unchanged"}]
    assert "if-none-match" in server.asked[-1][1]
    # what is read in another way is sent again, whatever the server remembers
    [report] = application.sync([url], "elsewhere")
    assert (report.state, report.collection) == ("changed", "elsewhere")
    assert "if-none-match" not in server.asked[-1][1]


async def test_a_changed_page_swaps_in_and_a_page_without_marks_is_compared(application: Application, server: Server) -> None:
    url = f"{server.url}/"
    server.routes["/"] = page(CATS)
    assert [synced(application, url), synced(application, url)] == [{url: "added"}, {url: "unchanged"}]
    server.routes["/"] = page(BIRDS)
    assert synced(application, url) == {url: "changed"}
    assert await found(application, "Who sings at dawn?") == (url, "Birds")


@pytest.mark.parametrize("answer", [response(500), response(401), response(403), b"", redirect("http://10.0.0.1/login")])
async def test_a_page_that_cannot_be_had_now_stays(application: Application, server: Server, answer: bytes) -> None:
    url = f"{server.url}/"
    server.routes["/"] = page(CATS)
    synced(application, url)
    server.routes["/"] = answer
    report = only(application, url)
    assert (report.state, bool(report.reason)) == ("failed", True)
    assert await found(application, "Why do cats purr?") == (url, "Cats")


@pytest.mark.parametrize("status", [404, 410])
async def test_a_page_that_is_gone_goes(application: Application, server: Server, status: int) -> None:
    url = f"{server.url}/"
    assert only(application, url).state == "refused"
    server.routes["/"] = page(CATS)
    synced(application, url)
    server.routes["/"] = response(status)
    report = only(application, url)
    assert (report.state, f"status {status}" in report.reason) == ("removed", True)
    assert await found(application, "Why do cats purr?") == ("bark.md", "Dogs")


def test_a_page_of_a_private_place_is_refused_with_the_reason(
    small_application: Callable[..., Application], server: Server
) -> None:
    application = small_application(DOGS)
    report = only(application, f"{server.url}/")
    assert (report.state, server.asked) == ("refused", [])
    assert "not on the public internet (loopback)" in report.reason


@pytest.mark.parametrize(
    "given", ["ftp://example.org/a", "https://user:hunter2@example.org/", "file:///etc/passwd", "http://127.1/"]
)
def test_what_is_no_url_of_a_page_is_a_mistake_that_registers_nothing(application: Application, given: str) -> None:
    before = application.catalogue.sources()
    with pytest.raises(SettingsError) as said:
        synced(application, given)
    assert "hunter2" not in str(said.value)
    assert application.catalogue.sources() == before


def test_robots_txt_is_obeyed(application: Application, server: Server) -> None:
    server.routes |= {
        "/robots.txt": response(200, b"User-agent: *\nDisallow: /*.html$\n"),
        "/a.html": page(CATS),
        "/b": redirect("/a.html"),
        "/c": page(BIRDS),
    }
    states = {path: only(application, f"{server.url}{path}") for path in ("/a.html", "/b", "/c")}
    assert [report.state for report in states.values()] == ["refused", "refused", "added"]
    assert "robots.txt keeps crawlers from" in states["/a.html"].reason


def test_pages_of_a_sitemap_come_and_go_with_it(application: Application, server: Server) -> None:
    server.routes |= {
        "/sitemap.xml": sitemap(server, "/more.xml.gz", kind="sitemapindex", item="sitemap"),
        "/more.xml.gz": packed(sitemap(server, "/cats", "/birds")),
        "/cats": page(CATS),
        "/birds": page(BIRDS),
    }
    cats, birds, given = (f"{server.url}{path}" for path in ("/cats", "/birds", "/sitemap.xml"))
    assert synced(application, given) == {cats: "added", birds: "added"}
    assert server.paths.count("/sitemap.xml") == server.paths.count("/robots.txt") == 1
    server.routes["/more.xml.gz"] = packed(sitemap(server, "/birds"))
    assert synced(application, given) == {birds: "unchanged", cats: "removed"}
    assert [each.state for each in application.remove([given])] == ["removed"]


@pytest.mark.parametrize("answer", [response(500), response(404), response(200, b"<urlset><url>"), response(200, b"<urlset/>")])
def test_pages_of_a_sitemap_that_cannot_be_read_stay(application: Application, server: Server, answer: bytes) -> None:
    server.routes |= {"/sitemap.xml": sitemap(server, "/cats"), "/cats": page(CATS)}
    given = f"{server.url}/sitemap.xml"
    synced(application, given)
    server.routes["/sitemap.xml"] = answer
    assert (only(application, given).state, len(application.catalogue.documents(f"{server.url}/cats"))) == ("failed", 1)


async def test_a_charset_that_only_the_server_says_reaches_the_text(application: Application, server: Server) -> None:
    body = "<html><title>Кошки</title><p>Кошки мурлычут, когда довольны.</p></html>".encode("cp1251")
    server.routes["/"] = response(200, body, Content_Type="text/html; charset=windows-1251")
    synced(application, f"{server.url}/")
    [document] = application.catalogue.documents(f"{server.url}/")
    assert "мурлычут" in application.catalogue.document_text(document.id)


def test_a_start_asks_nobody_and_a_sync_of_everything_does(application: Application, server: Server) -> None:
    url = f"{server.url}/"
    server.routes["/"] = page(CATS)
    synced(application, url)
    server.asked.clear()
    assert {each.source: each.state for each in application.sync((), pages=False)} == {"bark.md": "unchanged"}
    assert server.asked == []
    assert synced(application) == {"bark.md": "unchanged", url: "unchanged"}
    assert len(application.catalogue.documents(url)) == 1

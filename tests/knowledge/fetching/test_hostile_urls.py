"""However a URL of a private place is spelled, and whoever hands it to us, nothing is ever connected to there."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from xml.sax.saxutils import escape as xml

import pytest
from faults import urls
from internet import PUBLIC, Canary, Internet, Server, canary, page, response, serving

from chatbot.errors import DocumentRefused, FetchFailed, UrlRefused
from chatbot.knowledge.fetching.fetched import Fetched
from chatbot.knowledge.fetching.fetcher import Fetcher
from chatbot.knowledge.fetching.sitemaps import sitemap
from chatbot.sections import FetchSettings

SITE = f"http://{urls.OUTSIDE}"


@pytest.fixture
def bird() -> Iterator[Canary]:
    with canary() as bird:
        yield bird


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def internet(server: Server) -> Internet:
    internet = Internet(server)
    internet.names[urls.OUTSIDE] = lambda: [PUBLIC]
    return internet


@pytest.fixture
def fetcher(internet: Internet) -> Fetcher:
    return Fetcher(FetchSettings(pause_s=0), internet)


def location(url: str) -> bytes:
    """A redirect that keeps the bytes of a URL as they are, so far as they fit a line."""
    line = url.replace("\n", "\t").replace("\r", "\t").encode("utf-8", errors="surrogatepass")
    return b"HTTP/1.1 302 .\r\nContent-Length: 0\r\nConnection: close\r\nLocation: " + line + b"\r\n\r\n"


def test_there_are_at_least_three_hundred() -> None:
    assert len(urls.inside(8080)) >= 300


def test_each_is_refused_with_one_clear_sentence(fetcher: Fetcher, internet: Internet, bird: Canary) -> None:
    unclear: list[tuple[str, str]] = []
    for url in urls.inside(bird.port):
        with pytest.raises(UrlRefused) as refused:
            fetcher.fetch(url)
        said = str(refused.value)
        if not (said.isprintable() and 20 < len(said) < 600 and ("; " in said or ": " in said) and "password@" not in said):
            unclear.append((url, said))
    assert unclear == []
    assert (bird.seen, internet.connected) == (0, [])


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
def test_no_redirect_leads_to_any(fetcher: Fetcher, server: Server, internet: Internet, bird: Canary, hops: int) -> None:
    server.routes |= {f"/{n}": location(f"/{n - 1}") for n in range(2, hops + 1)}
    hostile = urls.inside(bird.port)
    for url in hostile:
        server.routes["/1"] = location(url)
        with pytest.raises((DocumentRefused, FetchFailed)):
            fetcher.fetch(f"{SITE}/{hops}")
    assert server.paths.count("/1") >= len(hostile)
    assert (bird.seen, set(internet.connected)) == (0, {PUBLIC})


def test_no_page_leads_to_any(fetcher: Fetcher, server: Server, internet: Internet, bird: Canary) -> None:
    hostile = urls.inside(bird.port)
    for url in hostile:
        target = escape(url.encode("utf-8", errors="replace").decode())
        server.routes["/"] = page(
            f'<meta http-equiv="refresh" content="0;url={target}"><a href="{target}"><img src="{target}"></a>'
        )
        assert isinstance(fetcher.fetch(SITE), Fetched)
    assert server.paths == ["/"] * len(hostile)
    assert (bird.seen, set(internet.connected)) == (0, {PUBLIC})


@pytest.mark.parametrize(("outer", "inner"), [("urlset", "url"), ("sitemapindex", "sitemap")])
def test_no_sitemap_leads_to_any(
    fetcher: Fetcher, server: Server, internet: Internet, bird: Canary, outer: str, inner: str
) -> None:
    readable = [url for url in urls.inside(bird.port) if all(sign >= " " and not "\ud800" <= sign <= "\udfff" for sign in url)]
    listed = "".join(f"<{inner}><loc>{xml(url)}</loc></{inner}>" for url in readable)
    server.routes["/map"] = response(200, f"<{outer}>{listed}</{outer}>".encode())
    try:
        found = sitemap(fetcher, f"{SITE}/map")
    except DocumentRefused:
        found = []
    # `/etc/passwd` and their like are pages of the site itself here
    assert [url for url in found if not url.startswith(f"{SITE}/")] == []
    assert (bird.seen, set(internet.connected)) == (0, {PUBLIC})


def test_what_only_looks_private_is_fetched_from_where_it_lies(
    fetcher: Fetcher, internet: Internet, server: Server, bird: Canary
) -> None:
    for url in urls.misleading(bird.port):
        with pytest.raises(DocumentRefused, match="there is nothing at"):
            fetcher.fetch(url)
    assert {headers["host"].partition(":")[0] for _, headers in server.asked} == {urls.OUTSIDE}
    assert (bird.seen, set(internet.connected)) == (0, {PUBLIC})

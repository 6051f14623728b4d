"""Sitemaps: a site's own pages, in order, as far as its robots.txt goes, and no file that costs more than it is worth."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from internet import PUBLIC, Internet, Server, redirect, response, serving

from chatbot.errors import DocumentRefused, FetchFailed, UrlRefused
from chatbot.knowledge.fetching import sitemap_file
from chatbot.knowledge.fetching.fetcher import Fetcher
from chatbot.knowledge.fetching.sitemaps import sitemap
from chatbot.sections import FetchSettings

SITE = "http://example.org"
MAP = f"{SITE}/sitemap.xml"
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def internet(server: Server) -> Internet:
    internet = Internet(server)
    internet.names["example.org"] = lambda: [PUBLIC]
    return internet


@pytest.fixture
def fetcher(internet: Internet) -> Fetcher:
    return Fetcher(FetchSettings(pause_s=0, max_bytes=10_000_000), internet)


def urlset(*urls: str) -> bytes:
    listed = "".join(f"<url><loc>\n  {url}\n</loc><lastmod>2026-06-01</lastmod></url>" for url in urls)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {NAMESPACE}>{listed}</urlset>'.encode()


def index(*urls: str) -> bytes:
    listed = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex {NAMESPACE}>{listed}</sitemapindex>".encode()


def test_pages_come_in_their_order_and_each_once(server: Server, fetcher: Fetcher) -> None:
    server.routes["/sitemap.xml"] = response(200, urlset(f"{SITE}/b", f"{SITE}/a?x=1&amp;y=2", f"{SITE}/b#part", "/c"))
    assert sitemap(fetcher, MAP) == [f"{SITE}/b", f"{SITE}/a?x=1&y=2", f"{SITE}/c"]


def test_pictures_of_a_page_are_no_pages(server: Server, fetcher: Fetcher) -> None:
    picture = f'<image:image xmlns:image="urn:i"><image:loc>{SITE}/cat.png</image:loc></image:image>'
    body = f"<urlset {NAMESPACE}><url><loc>{SITE}/a</loc>{picture}</url></urlset>"
    server.routes["/sitemap.xml"] = response(200, body.encode())
    assert sitemap(fetcher, MAP) == [f"{SITE}/a"]


def test_a_packed_sitemap_is_read(server: Server, fetcher: Fetcher) -> None:
    server.routes["/sitemap.xml.gz"] = response(200, gzip.compress(urlset(f"{SITE}/a")), Content_Type="application/gzip")
    assert sitemap(fetcher, f"{MAP}.gz") == [f"{SITE}/a"]


def test_a_packed_bomb_is_refused(server: Server, fetcher: Fetcher) -> None:
    server.routes["/sitemap.xml.gz"] = response(200, gzip.compress(bytes(20_000_000)))
    with pytest.raises(DocumentRefused, match="larger than 10,000,000 bytes"):
        sitemap(fetcher, f"{MAP}.gz")


def test_an_index_is_followed_three_deep_and_no_deeper(server: Server, fetcher: Fetcher) -> None:
    server.routes |= {
        "/1": response(200, index(f"{SITE}/2", f"{SITE}/1")),
        "/2": response(200, index(f"{SITE}/3")),
        "/3": response(200, urlset(f"{SITE}/a")),
        "/0": response(200, index(f"{SITE}/1")),
    }
    assert sitemap(fetcher, f"{SITE}/1") == [f"{SITE}/a"]
    with pytest.raises(DocumentRefused, match="more than 3 deep"):
        sitemap(fetcher, f"{SITE}/0")


def test_another_site_is_left_out_unless_it_is_listed(server: Server, internet: Internet, fetcher: Fetcher) -> None:
    internet.names["other.example"] = lambda: [PUBLIC]
    strangers = ("http://other.example/b", "https://example.org/c", "http://example.org:81/d", "http://127.0.0.1/e", "file:///f")
    server.routes["/sitemap.xml"] = response(200, urlset(f"{SITE}/a", *strangers))
    server.routes["/index.xml"] = response(200, index("http://other.example/sitemap.xml"))
    assert sitemap(fetcher, MAP) == [f"{SITE}/a"]
    assert sitemap(fetcher, MAP, ["http://other.example"]) == [f"{SITE}/a", strangers[0]]
    assert sitemap(fetcher, f"{SITE}/index.xml", ["http://other.example"]) == [f"{SITE}/a", strangers[0]]
    with pytest.raises(DocumentRefused, match="lists no page of its own site"):
        sitemap(fetcher, f"{SITE}/index.xml")


def test_the_site_is_also_that_which_the_sitemap_redirects_to(server: Server, internet: Internet, fetcher: Fetcher) -> None:
    internet.names["www.example.org"] = lambda: [PUBLIC]
    server.routes |= {
        "/sitemap.xml": redirect("http://www.example.org/map"),
        "/map": response(200, urlset("http://www.example.org/a")),
    }
    assert sitemap(fetcher, MAP) == ["http://www.example.org/a"]


def test_what_robots_txt_keeps_from_us_is_left_out(server: Server, fetcher: Fetcher) -> None:
    rules = b"User-agent: other\nDisallow: /\n\nUser-agent: chatbot\nDisallow: /private/\nAllow: /\n"
    server.routes["/robots.txt"] = response(200, rules)
    server.routes["/sitemap.xml"] = response(200, urlset(f"{SITE}/a", f"{SITE}/private/b"))
    assert sitemap(fetcher, MAP) == [f"{SITE}/a"]
    assert server.paths.count("/robots.txt") == 1


def test_no_robots_txt_allows_everything_and_an_ill_server_nothing(server: Server, fetcher: Fetcher) -> None:
    server.routes["/sitemap.xml"] = response(200, urlset(f"{SITE}/a"))
    server.routes["/robots.txt"] = response(404)
    assert sitemap(fetcher, MAP) == [f"{SITE}/a"]
    server.routes["/robots.txt"] = response(503)
    with pytest.raises(FetchFailed, match=r"robots.txt.* status 503"):
        sitemap(fetcher, MAP)


def test_a_robots_txt_that_leads_inside_stops_the_crawl(server: Server, fetcher: Fetcher) -> None:
    server.routes["/sitemap.xml"] = response(200, urlset(f"{SITE}/a"))
    server.routes["/robots.txt"] = redirect("http://127.0.0.1/")
    with pytest.raises(UrlRefused, match="not on the public internet"):
        sitemap(fetcher, MAP)


def test_a_part_that_is_ill_fails_the_whole(server: Server, fetcher: Fetcher) -> None:
    server.routes["/sitemap.xml"] = response(200, index(f"{SITE}/1", f"{SITE}/2"))
    server.routes["/1"] = response(200, urlset(f"{SITE}/a"))
    server.routes["/2"] = response(500)
    with pytest.raises(FetchFailed, match="status 500"):
        sitemap(fetcher, MAP)


@pytest.mark.parametrize("wrap", [urlset, index])
def test_fifty_thousand_urls_are_read_and_no_more(wrap: object) -> None:
    assert callable(wrap)
    urls = [f"/{n}" for n in range(50_001)]
    found = sitemap_file.read(wrap(*urls[:-1]), 10_000_000)
    assert len(found.pages or found.sitemaps) == 50_000
    with pytest.raises(DocumentRefused, match="more than 50,000 URLs"):
        sitemap_file.read(wrap(*urls), 10_000_000)


def test_fifty_thousand_pages_are_the_most_of_all_files_together(server: Server, fetcher: Fetcher) -> None:
    server.routes["/sitemap.xml"] = response(200, index("/1", "/2"))
    server.routes["/1"] = response(200, urlset(*(f"/a{n}" for n in range(25_000))))
    server.routes["/2"] = response(200, urlset(*(f"/b{n}" for n in range(25_001))))
    with pytest.raises(DocumentRefused, match="more than 50,000 pages"):
        sitemap(fetcher, MAP)


def test_a_thousand_files_are_read_and_no_more(server: Server, fetcher: Fetcher) -> None:
    server.routes["/sitemap.xml"] = response(200, index(*(f"/{n}" for n in range(1000))))
    server.routes |= {f"/{n}": response(200, urlset()) for n in range(1000)}
    with pytest.raises(DocumentRefused, match="more than 1,000 files"):
        sitemap(fetcher, MAP)
    assert len(server.asked) == 1000


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "hostile",
    [
        f'<!DOCTYPE urlset [<!ENTITY l0 "ha">{LAUGHS}]><urlset><url><loc>&l9;</loc></url></urlset>',
        '<!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>',
        '<!DOCTYPE urlset SYSTEM "http://127.0.0.1/evil.dtd"><urlset/>',
    ],
)
def test_entities_are_refused_before_they_are_read(hostile: str) -> None:
    with pytest.raises(DocumentRefused, match="document type declaration"):
        sitemap_file.read(hostile.encode(), 1000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>no</body></html>",
        b"<urlset><url>",
        b"\x00\x01",
        b'<?xml version="1.0" encoding="no-such"?><urlset/>',
        b'<?xml version="1.0" encoding="big5"?><urlset/>',
        b"<urlset>" + b"<a>" * 100_000,
    ],
)
def test_what_is_no_sitemap_is_said(body: bytes) -> None:
    with pytest.raises(DocumentRefused, match="this is no sitemap"):
        sitemap_file.read(body, 1000)

"""Counts connections to private places that hostile URLs lead to, in every way in which a URL can reach the fetcher.

    python -m tests.faults.hostile_urls [--rounds 1000] [--append tests/faults/results/hostile_urls.jsonl]

Each spelling of `tests.faults.urls` is fetched directly, through 1 to 5 redirects, as robots.txt's redirect, as an entry of a
sitemap and of an index, and as what a page points at (refresh, canonical, image, frame, style, base, `Link` and `Refresh`
headers) that is then parsed. A resolver alternates between a public and a private address over `--rounds` fetches, directly and
between redirects. Canaries listen on every address of this machine; whatever they or the network below the fetcher see counts.
All on loopback; nothing leaves the machine. Exit code 1 where a connection was made.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from xml.sax.saxutils import escape as xml

from chatbot.errors import DocumentRefused, FetchFailed, UrlRefused
from chatbot.knowledge.fetching.addresses import special
from chatbot.knowledge.fetching.fetched import Fetched
from chatbot.knowledge.fetching.fetcher import MAX_REDIRECTS, Fetcher
from chatbot.knowledge.reading import reader
from chatbot.knowledge.sources.origins import Content
from chatbot.knowledge.sources.web import PageOrigin, Web
from chatbot.knowledge.store.tables import Source
from chatbot.sections import FetchSettings
from tests.faults import urls
from tests.internet import PUBLIC, Internet, Server, page, response, serving

SITE = f"http://{urls.OUTSIDE}"
_SURROGATES = ("\ud800", "\udfff")


class Canaries:
    """Listen on one port of every address of this machine, and count who connects."""

    def __init__(self) -> None:
        self.seen = 0
        self._sockets = [socket.create_server(("0.0.0.0", 0))]
        self.port: int = self._sockets[0].getsockname()[1]
        sixth = socket.socket(socket.AF_INET6)
        sixth.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sixth.bind(("::", self.port))
        sixth.listen()
        self._sockets.append(sixth)
        for listening in self._sockets:
            Thread(target=self._listen, args=[listening], daemon=True).start()

    def _listen(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.seen += 1
            connection.close()

    def close(self) -> None:
        for listening in self._sockets:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()


class Trial:
    """One fetcher, one public site, and all that was ever connected to."""

    def __init__(self, server: Server, canaries: Canaries) -> None:
        self.server = server
        self.canaries = canaries
        self.internet = Internet(server)
        self.internet.names[urls.OUTSIDE] = lambda: [PUBLIC]
        self.fetcher = Fetcher(FetchSettings(pause_s=0), self.internet)
        self.hostile = urls.inside(canaries.port)
        self.outcomes: Counter[str] = Counter()

    def tried(self, ask: Callable[[], Any]) -> Any:
        try:
            given = ask()
        except (UrlRefused, DocumentRefused, FetchFailed) as error:
            self.outcomes[type(error).__name__] += 1
            return None
        self.outcomes["answered"] += 1
        return given

    def private(self) -> int:
        """Connections to what is not public, as seen from either end."""
        return max(self.canaries.seen, sum(bool(special(ip_address(each))) for each in self.internet.connected))


def directly(trial: Trial) -> None:
    for url in trial.hostile:
        trial.tried(lambda url=url: trial.fetcher.fetch(url))
        trial.tried(lambda url=url: trial.fetcher.load(url))


def through_redirects(trial: Trial) -> None:
    for hops in range(1, MAX_REDIRECTS + 1):
        trial.server.routes |= {f"/{n}": _location(f"/{n - 1}") for n in range(2, hops + 1)}
        for url in trial.hostile:
            trial.server.routes["/1"] = _location(url)
            trial.tried(lambda hops=hops: trial.fetcher.fetch(f"{SITE}/{hops}"))


def by_robots(trial: Trial) -> None:
    trial.server.routes["/"] = page()
    for url in trial.hostile:
        trial.server.routes["/robots.txt"] = _location(url)
        trial.tried(lambda: _origin(trial, f"{SITE}/").load(""))
    del trial.server.routes["/robots.txt"]


def by_sitemaps(trial: Trial) -> None:
    for outer, inner in (("urlset", "url"), ("sitemapindex", "sitemap")):
        for url in filter(_fits_xml, trial.hostile):
            listed = f"<{inner}><loc>{xml(url)}</loc></{inner}>"
            trial.server.routes["/sitemap.xml"] = response(200, f"<{outer}>{listed}</{outer}>".encode())
            listing = Web(trial.fetcher).list(Source(id=1, collection="pages", location=f"{SITE}/sitemap.xml"))
            trial.outcomes["left out"] += not listing.origins
            for origin in listing.origins.values():
                trial.tried(lambda origin=origin: origin.load(""))


def by_pages(trial: Trial) -> None:
    for url in trial.hostile:
        target = escape(url.encode("utf-8", errors="replace").decode())
        trial.server.routes["/"] = page(
            f'<html><head><base href="{target}"><meta http-equiv="refresh" content="0;url={target}">'
            f'<link rel="canonical" href="{target}"><link rel="stylesheet" href="{target}"></head>'
            f'<body><p>Cats purr.</p><img src="{target}" srcset="{target} 2x"><iframe src="{target}"></iframe>'
            f'<object data="{target}"></object><a href="{target}">on</a></body></html>',
            **({"Refresh": f"0;url={url}", "Link": f"<{url}>; rel=canonical"} if url.isascii() and url.isprintable() else {}),
        )
        content = trial.tried(lambda: _origin(trial, f"{SITE}/").load(""))
        assert isinstance(content, Content)
        trial.tried(lambda content=content: reader.read(content.name, content.raw))


def by_a_resolver_that_alternates(trial: Trial, rounds: int) -> None:
    private = itertools.cycle(["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
    draw = random.Random(0)  # in turns, a redirect would meet the same kind again and again
    kinds = [lambda: [PUBLIC], lambda: [PUBLIC], lambda: [next(private)], lambda: [PUBLIC, next(private)]]
    trial.internet.names["rebinding.example"] = lambda: draw.choice(kinds)()
    trial.server.routes |= {"/": page(), "/again": _location("/")}
    for number in range(rounds):
        at = f"http://rebinding.example:{trial.canaries.port}/{'again' if number % 2 else ''}"
        found = trial.tried(lambda at=at: trial.fetcher.fetch(at))
        assert found is None or isinstance(found, Fetched)


def _origin(trial: Trial, url: str) -> PageOrigin:
    listed = Web(trial.fetcher).list(Source(id=1, collection="pages", location=url)).origins[url]
    assert isinstance(listed, PageOrigin)
    return listed


def _location(url: str) -> bytes:
    """A redirect that keeps the bytes of a URL as they are, so far as they fit a line."""
    line = url.replace("\n", "\t").replace("\r", "\t").encode("utf-8", errors="surrogatepass")
    return b"HTTP/1.1 302 .\r\nContent-Length: 0\r\nConnection: close\r\nLocation: " + line + b"\r\n\r\n"


def _fits_xml(url: str) -> bool:
    return all(sign >= " " and not _SURROGATES[0] <= sign <= _SURROGATES[1] for sign in url)


@contextmanager
def canaries() -> Generator[Canaries]:
    birds = Canaries()
    try:
        yield birds
    finally:
        birds.close()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=1000, help="fetches with the resolver that alternates")
    options.add_argument("--append", type=Path, help="a file of JSON lines that gets the result")
    given, begun = options.parse_args(), time.monotonic()
    ways: dict[str, Callable[[Trial], None]] = {
        "direct": directly,
        "redirects": through_redirects,
        "robots": by_robots,
        "sitemaps": by_sitemaps,
        "pages": by_pages,
        "rebinding": lambda trial: by_a_resolver_that_alternates(trial, given.rounds),
    }
    line: dict[str, Any] = {"measurement": "hostile_urls", "date": datetime.now(UTC).date().isoformat(), "private_connections": 0}
    with canaries() as birds:
        for name, way in ways.items():
            with serving() as server:
                trial = Trial(server, birds)
                way(trial)
                line |= {"spellings": len(trial.hostile), name: {"tried": trial.outcomes.total(), **trial.outcomes}}
                line["private_connections"] += trial.private()
    line["seconds"] = round(time.monotonic() - begun, 1)
    print(json.dumps(line))  # noqa: T201
    if given.append:
        given.append.parent.mkdir(exist_ok=True)
        with given.append.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    return 1 if line["private_connections"] else 0


if __name__ == "__main__":
    sys.exit(main())

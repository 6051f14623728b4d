"""Follows a site's sitemap to the addresses of its pages, no further than the site itself and what its robots.txt allows."""

from __future__ import annotations

import time
from collections.abc import Collection

from chatbot.errors import DocumentRefused, FetchFailed, UrlRefused
from chatbot.knowledge.fetching import sitemap_file, urls
from chatbot.knowledge.fetching.fetched import Page
from chatbot.knowledge.fetching.fetcher import Fetcher
from chatbot.knowledge.fetching.robots import Robots
from chatbot.knowledge.fetching.sitemap_file import MAX_URLS
from chatbot.knowledge.fetching.urls import Url

_MAX_DEPTH = 3
_MAX_FILES = 1000
_MAX_S = 1800


def sitemap(
    fetcher: Fetcher, url: str, other_sites: Collection[str] = (), robots: Robots | None = None, first: Page | None = None
) -> list[str]:
    """The pages that a sitemap lists, in its order and each once, less those that robots.txt keeps from us.

    Left out, too, is what is malformed or lies on another site, unless listed in `other_sites` as scheme and host:
    https://docs.example.org. The site is that of `url`, and the one it redirects to.
    `robots` has rules that were asked for before; `first` is what lies at `url`, if it was fetched already.
    One sitemap of an index that cannot be read fails the whole: its pages would otherwise look deleted.

    Raises:
        DocumentRefused: something that is no sitemap, nested more than 3 deep, with more than 50,000 URLs, or with no page left.
        UrlRefused: `url`, or a sitemap on the same site, is malformed or not public.
        FetchFailed: a sitemap or robots.txt cannot be had now, or all of them not within half an hour.
    """
    return _Crawl(fetcher, urls.parse(url), other_sites, robots or Robots(fetcher), first).pages()


class _Crawl:
    """One walk through a sitemap and those it names."""

    def __init__(self, fetcher: Fetcher, first: Url, other_sites: Collection[str], robots: Robots, loaded: Page | None) -> None:
        self._fetcher = fetcher
        self._first = first
        self._sites = {first.site, *(urls.parse(site).site for site in other_sites)}
        self._robots = robots
        self._loaded = loaded
        self._pages: dict[str, None] = {}
        self._seen: set[str] = set()
        self._ends = time.monotonic() + _MAX_S

    def pages(self) -> list[str]:
        level = [self._first]
        for _ in range(_MAX_DEPTH):
            level = [deeper for each in level for deeper in self._read(each)]
        if level:
            raise DocumentRefused(f"{_of(self._first)} has sitemaps more than {_MAX_DEPTH} deep; give the inner ones")
        if not self._pages:
            raise DocumentRefused(f"{_of(self._first)} lists no page of its own site that robots.txt allows; check the address")
        return list(self._pages)

    def _read(self, url: Url) -> list[Url]:
        """Add the pages of one file; the sitemaps it names that were not read before."""
        if str(url) in self._seen:
            return []
        self._seen.add(str(url))
        self._check_time()
        if len(self._seen) > _MAX_FILES:
            raise DocumentRefused(f"{_of(self._first)} has more than {_MAX_FILES:,} files; give the inner ones")
        page = self._loaded if self._loaded and url == self._first else self._fetcher.load(str(url))
        found = sitemap_file.read(page.content, self._fetcher.max_bytes)
        base = urls.parse(page.url)
        if url == self._first:
            self._sites.add(base.site)
        for listed in self._of_these_sites(found.pages, base):
            self._check_time()
            if self._robots.allow(listed):
                self._pages[str(listed)] = None
        if len(self._pages) > MAX_URLS:
            raise DocumentRefused(f"{_of(self._first)} lists more than {MAX_URLS:,} pages; give the inner sitemaps")
        return [inner for inner in self._of_these_sites(found.sitemaps, base) if str(inner) not in self._seen]

    def _check_time(self) -> None:
        # rules and pages are both the site's to multiply
        if time.monotonic() > self._ends:
            raise FetchFailed(f"{_of(self._first)} was not read within {_MAX_S} s; give the inner sitemaps, or try again later")

    def _of_these_sites(self, listed: list[str], base: Url) -> list[Url]:
        return [url for text in listed if (url := _readable(text, base)) and url.site in self._sites]


def _readable(text: str, base: Url) -> Url | None:
    """An address, or nothing for one that is never fetched: one bad line must not cost the rest of a site."""
    try:
        return urls.parse(text, base) if text else None
    except UrlRefused:
        return None


def _of(url: Url) -> str:
    return f"the sitemap {urls.shown(str(url))}"

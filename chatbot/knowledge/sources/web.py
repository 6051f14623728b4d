"""Pages and sitemaps as sources: what their addresses hold, asked for again only if it changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from chatbot.errors import DocumentRefused, FetchFailed, SettingsError, UrlRefused
from chatbot.knowledge.fetching import sitemap_file, sitemaps, urls
from chatbot.knowledge.fetching.fetched import Conditional, NotModified
from chatbot.knowledge.fetching.fetcher import Fetcher
from chatbot.knowledge.fetching.robots import Robots
from chatbot.knowledge.fetching.urls import Url
from chatbot.knowledge.formats.dates import day
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.listing import Listing
from chatbot.knowledge.sources.origins import Content, Unchanged
from chatbot.knowledge.store.tables import Source

_SITEMAP_SUFFIXES = (".xml", ".gz")
_SITEMAP = "sitemap"


class Web:
    """The kind of source whose location is a URL. Made anew for each sync: the rules of a site are asked for once in it."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._robots = Robots(fetcher)

    def holds(self, location: str) -> bool:
        return urls.looks_like_one(location)

    def locate(self, given: str) -> str:
        try:
            return str(urls.parse(given))
        except UrlRefused as error:
            raise SettingsError(str(error)) from error

    def check(self, location: str) -> None:
        """Nobody is asked before the sync, whose report says what came of it."""

    def list(self, source: Source) -> Listing:
        """One page, or those that a sitemap lists; of one that cannot be read nothing is taken for gone."""
        at = urls.parse(source.location)
        try:
            pages = self._listed(at) if _may_be_sitemap(at) else [source.location]
        except (DocumentRefused, FetchFailed) as error:
            return Listing({}, {"": str(error)})
        return Listing({page: PageOrigin(page, self._fetcher, self._robots) for page in pages})

    def _listed(self, at: Url) -> list[str]:
        first = self._fetcher.load(str(at))
        if not sitemap_file.is_one(first.content, self._fetcher.max_bytes):
            return [str(at)]
        return sitemaps.sitemap(self._fetcher, str(at), robots=self._robots, first=first)


@dataclass(frozen=True)
class PageOrigin:
    """One page of the web."""

    url: str
    fetcher: Fetcher
    robots: Robots

    def size(self) -> int:
        return 0

    def load(self, mark: str) -> Content | Unchanged:
        """See `Origin`. A mark is where the page was at last, with its ETag and its date."""
        self._check_robots(self.url)
        found = self.fetcher.fetch(self.url, Conditional(*json.loads(mark)) if mark else None)
        if found.url != self.url:
            self._check_robots(found.url)
        if isinstance(found, NotModified):
            return Unchanged()
        name = _name(urls.parse(found.url), found.suffix)
        return Content(name, found.content, _mark(found.known), day(found.known.last_modified))

    def _check_robots(self, url: str) -> None:
        if not self.robots.allow(urls.parse(url)):
            raise DocumentRefused(
                f"the site's robots.txt keeps crawlers from {urls.shown(url)}; ask its owner, or download it and add the file"
            )


def _may_be_sitemap(url: Url) -> bool:
    """True for names that sitemaps have; a page under one is told by its content."""
    path = url.path.lower()
    return path.endswith(_SITEMAP_SUFFIXES) or _SITEMAP in PurePosixPath(path).name


def _mark(known: Conditional) -> str:
    return json.dumps([known.url, known.etag, known.last_modified]) if known.etag or known.last_modified else ""


def _name(url: Url, suffix: str) -> str:
    """A file's name for the format and the title."""
    stem = PurePosixPath(collections.printable(unquote(url.path, errors="replace"))).stem
    return f"{stem or url.host}.{suffix}"

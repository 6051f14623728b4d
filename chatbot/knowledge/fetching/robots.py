"""What a site asks crawlers to leave alone: its robots.txt, by RFC 9309."""

from __future__ import annotations

from chatbot.errors import DocumentRefused, UrlRefused
from chatbot.knowledge.fetching import robots_file
from chatbot.knowledge.fetching.fetcher import Fetcher
from chatbot.knowledge.fetching.robots_file import Rule
from chatbot.knowledge.fetching.urls import Url

_MAX_BYTES = 512 * 1024
"""RFC 9309, section 2.5: a crawler reads at least 500 KiB."""


class Robots:
    """The rules of the sites of one crawl, each asked for once."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._rules: dict[str, list[Rule]] = {}

    def allow(self, url: Url) -> bool:
        """True if the site has nothing against this page being fetched, or nobody is to ask it.

        Raises:
            FetchFailed: its rules cannot be had now, and by RFC 9309 nothing may be fetched then.
            UrlRefused: the site may not be connected to.
        """
        if not self._fetcher.obeys_robots:
            return True
        if url.site not in self._rules:
            self._rules[url.site] = self._read(url.site)
        return robots_file.allowed(self._rules[url.site], url.target)

    def _read(self, site: str) -> list[Rule]:
        try:
            page = self._fetcher.load(f"{site}/robots.txt", _MAX_BYTES)
        except UrlRefused:
            raise
        except DocumentRefused:  # there is none, or nobody is to see it: RFC 9309, section 2.3.1.3
            return []
        return robots_file.read(page.content.decode("utf-8-sig", errors="replace"), self._fetcher.product)

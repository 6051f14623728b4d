"""The only way to a URL: http and https, public addresses, each one checked and then connected to, at every redirect again.

It reads no HTML, so it follows nothing that a page says.
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from weakref import WeakValueDictionary

from chatbot import __version__
from chatbot.errors import DocumentRefused, FetchFailed, UrlRefused
from chatbot.knowledge import bodies, connections, media_types, urls
from chatbot.knowledge.addresses import Address, Private, special
from chatbot.knowledge.clock import Clock
from chatbot.knowledge.connections import Network, Reply, SystemNetwork
from chatbot.knowledge.fetched import Conditional, Fetched, NotModified, Page
from chatbot.knowledge.urls import Url
from chatbot.sections import FetchSettings

AGENT = "chatbot"
MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_LATER = {408, 425, 429}
_VALIDATOR = re.compile(r"[\x20-\x7e]{1,1000}")


class Fetcher:
    """One request at a time per host; any number of threads may share it."""

    def __init__(self, settings: FetchSettings, network: Network | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._private = Private.of(settings.allow_private)
        self._network = network or SystemNetwork()
        self._tls = tls or connections.trusted()
        self._hosts: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()

    @property
    def max_bytes(self) -> int:
        return self._settings.max_bytes

    def fetch(self, url: str, known: Conditional | None = None) -> Fetched | NotModified:
        """GET a page that some format reads.

        Raises:
            DocumentRefused: there is no such page, it is too large, or no format reads it.
            UrlRefused: the URL, or one it redirects to, is malformed or not public; that one was not connected to.
            FetchFailed: no answer now.
        """
        with self._found(url, known) as (at, reply):
            if reply.status == 304:
                return NotModified(str(at))
            suffix = media_types.suffix(reply.headers.get("content-type", ""), at.path)
            page = _page(at, reply, self._settings.max_bytes)
        return Fetched(**vars(page), suffix=suffix)

    def load(self, url: str, most: int | None = None) -> Page:
        """GET whatever a URL holds, up to `most` bytes or else fetch.max_bytes; errors as for `fetch`."""
        with self._found(url, None) as (at, reply):
            return _page(at, reply, most or self._settings.max_bytes)

    @contextmanager
    def _found(self, url: str, known: Conditional | None) -> Generator[tuple[Url, Reply]]:
        """The response after all redirects: 200, or 304 if it answers `known`."""
        clock = Clock(self._settings)
        at = urls.parse(url)
        for _ in range(MAX_REDIRECTS + 1):
            condition = _condition(known) if known and known.url == str(at) else {}
            with self._asked(at, condition, clock) as reply:
                if reply.status not in _REDIRECTS:
                    _check_status(at, reply, bool(condition))
                    yield at, reply
                    return
                at = _next(at, reply)
        raise UrlRefused(f"{urls.shown(url)} redirects more than {MAX_REDIRECTS} times; give the address of the page itself")

    @contextmanager
    def _asked(self, url: Url, condition: dict[str, str], clock: Clock) -> Generator[Reply]:
        headers = {"User-Agent": f"{AGENT}/{__version__}", "Accept": "*/*", "Accept-Encoding": "gzip", **condition}
        with clock.waiting(self._turn(url.host)):
            clock.connecting()
            addresses = self._checked(url, clock)
            with connections.get(url, addresses, headers, self._tls, self._network, clock) as reply:
                yield reply

    def _checked(self, url: Url, clock: Clock) -> Sequence[Address]:
        """Every address of the host, if each may be connected to."""
        literal = _literal(url.host)
        addresses = [literal] if literal else connections.resolve(self._network, url.host, clock)
        for address in addresses:
            kind = special(address)
            if kind and not self._private.allows(url.host, address):
                raise UrlRefused(
                    f"{urls.shown(str(url))} leads to {address}, which is not on the public internet ({kind}); "
                    f"to allow it on purpose, add {url.host!r} or its network to fetch.allow_private"
                )
        return addresses

    def _turn(self, host: str) -> threading.Lock:
        with self._lock:
            return self._hosts.setdefault(host, threading.Lock())


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _condition(known: Conditional) -> dict[str, str]:
    marks = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: mark for name, mark in marks.items() if mark}


def _check_status(url: Url, reply: Reply, was_conditional: bool) -> None:
    status, at = reply.status, urls.shown(str(url))
    if status == 200 or (status == 304 and was_conditional):
        return
    if status in {404, 410}:
        raise DocumentRefused(f"there is nothing at {at} (status {status}); check the address")
    if status in {401, 403, 407}:
        raise DocumentRefused(f"{at} may not be read without a login (status {status}); download it and add the file")
    if 400 <= status < 500 and status not in _LATER:
        raise DocumentRefused(f"{at} is refused by its server (status {status}); check the address")
    raise FetchFailed(f"{at} was answered with status {status}; try again later")


def _next(at: Url, reply: Reply) -> Url:
    """Where a redirect leads."""
    location = reply.headers.get("location", "")
    if not location:
        raise FetchFailed(f"{urls.shown(str(at))} redirects without saying where to; try again later")
    to = urls.parse(location, at)
    if at.scheme == "https" and to.scheme == "http":
        raise UrlRefused(
            f"{urls.shown(str(at))} redirects from https to {urls.shown(str(to))}; give that address if you trust it"
        )
    return to


def _page(at: Url, reply: Reply, most: int) -> Page:
    length = reply.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise DocumentRefused(
            f"it has {int(length):,} bytes, and {most:,} may be fetched; give a smaller document, or raise fetch.max_bytes"
        )
    encoding = reply.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise DocumentRefused(f"packed as {encoding!r}, though only gzip was asked for; download it and add the file")
    read = bodies.joined if encoding == "identity" else bodies.unpacked
    return Page(
        url=str(at),
        content=read(reply.pieces, most),
        content_type=reply.headers.get("content-type", ""),
        etag=_validator(reply.headers.get("etag", "")),
        last_modified=_validator(reply.headers.get("last-modified", "")),
    )


def _validator(value: str) -> str:
    """A header's value, if it can be sent back as it is."""
    return value if _VALIDATOR.fullmatch(value) else ""

"""The only way to a URL: http and https, public addresses, each one checked and then connected to, at every redirect again.

It reads no HTML, so it follows nothing that a page says.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cached_property
from ipaddress import ip_address

from chatbot.errors import DocumentGone, DocumentRefused, FetchFailed, UrlRefused
from chatbot.knowledge.fetching import bodies, charsets, connections, media_types, urls
from chatbot.knowledge.fetching.addresses import Address, Private, special
from chatbot.knowledge.fetching.clock import Clock
from chatbot.knowledge.fetching.connections import Network, Reply, SystemNetwork
from chatbot.knowledge.fetching.fetched import Conditional, Fetched, NotModified, Page
from chatbot.knowledge.fetching.manners import MAX_WAIT_S, Manners, retry_after
from chatbot.knowledge.fetching.urls import Url
from chatbot.sections import FetchSettings

MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_LATER = {408, 425, 429}
_NEEDS_LOGIN = {401, 403, 407}
_PUT_OFF = {429, 503}
_VALIDATOR = re.compile(r"[\x20-\x7e]{1,1000}")


class Fetcher:
    """One request at a time per host; any number of threads may share it."""

    def __init__(self, settings: FetchSettings, network: Network | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._private = Private.of(settings.allow_private)
        self._network = network or SystemNetwork()
        self._given_tls = tls
        self._manners = Manners(settings.pause_s)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or connections.trusted()

    @property
    def max_bytes(self) -> int:
        return self._settings.max_bytes

    @property
    def product(self) -> str:
        """The name that a robots.txt calls us by."""
        return self._settings.user_agent.partition("/")[0]

    @property
    def obeys_robots(self) -> bool:
        return self._settings.obey_robots

    def fetch(self, url: str, known: Conditional | None = None) -> Fetched | NotModified:
        """GET a page that some format reads, text in UTF-8 where only the server said how it was encoded.

        Raises:
            DocumentGone: there is no such page.
            DocumentRefused: it is too large, or no format reads it.
            UrlRefused: the URL, or one it redirects to, is malformed or not public; that one was not connected to.
            FetchFailed: no answer now, or not without a login.
        """
        with self._found(url, known) as (at, reply):
            if reply.status == 304:
                return NotModified(str(at))
            suffix = media_types.suffix(reply.headers.get("content-type", ""), at.path)
            page = _page(at, reply, self._settings.max_bytes)
        content = charsets.utf8(page.content, page.content_type)
        return Fetched(page.url, content, page.content_type, page.etag, page.last_modified, suffix)

    def load(self, url: str, most: int | None = None) -> Page:
        """GET whatever a URL holds, up to `most` bytes or else fetch.max_bytes; errors as for `fetch`."""
        with self._found(url, None) as (at, reply):
            return _page(at, reply, most or self._settings.max_bytes)

    @contextmanager
    def _found(self, url: str, known: Conditional | None) -> Generator[tuple[Url, Reply]]:
        """The response after all redirects: 200, or 304 if it answers `known`."""
        clock = Clock(self._settings)
        at, hops, waited, is_inside = urls.parse(url), 0, False, True
        while hops <= MAX_REDIRECTS:
            condition = _condition(known) if known and known.url == str(at) else {}
            with self._asked(at, condition, clock, is_inside) as reply:
                if reply.status in _REDIRECTS:
                    at, hops = _next(at, reply), hops + 1
                    is_inside = is_inside and bool(self._special(reply.address))
                elif not waited and self._put_off(at, reply):
                    waited = True
                else:
                    _check_status(at, reply, bool(condition))
                    yield at, reply
                    return
        raise UrlRefused(f"{urls.shown(url)} redirects more than {MAX_REDIRECTS} times; give the address of the page itself")

    @contextmanager
    def _asked(self, url: Url, condition: dict[str, str], clock: Clock, is_inside: bool) -> Generator[Reply]:
        headers = {"User-Agent": self._settings.user_agent, "Accept": "*/*", "Accept-Encoding": "gzip", **condition}
        tls = self._tls if url.scheme == "https" else None
        with clock.waiting(self._manners.turn(url.host)):
            clock.connecting()
            addresses = self._checked(url, clock, is_inside)
            with connections.get(url, addresses, headers, tls, self._network, clock) as reply:
                yield reply

    def _checked(self, url: Url, clock: Clock, is_inside: bool) -> Sequence[Address]:
        """Every address of the host, if each may be connected to; `is_inside` until a public server has redirected us."""
        literal = _literal(url.host)
        addresses = [literal] if literal else connections.resolve(self._network, url.host, clock)
        for address in addresses:
            kind, at = self._special(address), urls.shown(str(url))
            if kind and not self._private.allows(url.host, address):
                raise UrlRefused(
                    f"{at} leads to {address}, which is not on the public internet ({kind}); "
                    f"to allow it on purpose, add {url.host!r} or its network to fetch.allow_private, "
                    "for the server if one runs"
                )
            if kind and not is_inside:
                raise UrlRefused(f"a server on the public internet redirects to {at} ({kind}); give that address if you trust it")
        return addresses

    def _special(self, address: Address) -> str:
        return special(address) or ("of this machine" if self._network.owns(address) else "")

    def _put_off(self, url: Url, reply: Reply) -> bool:
        """Note when the host wants to be asked again; true if that is soon enough to wait for."""
        seconds = retry_after(reply.headers.get("retry-after", "")) if reply.status in _PUT_OFF else None
        if seconds is None:
            return False
        self._manners.turn(url.host).put_off(seconds)
        return seconds <= MAX_WAIT_S


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
        raise DocumentGone(f"there is nothing at {at} (status {status}); check the address")
    if status in _NEEDS_LOGIN:
        raise FetchFailed(f"{at} may not be read without a login (status {status}); download it and add the file")
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

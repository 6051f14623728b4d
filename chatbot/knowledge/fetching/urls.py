"""Reads a URL once and strictly: what has two readings is refused, so that nobody behind can read it another way.

It knows nothing about addresses or connections.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import idna

from chatbot.errors import UrlRefused

_MAX_CHARS = 8000
_MAX_SHOWN = 120
_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"(?!.{254})[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""Names that browsers and resolvers read as an IPv4 address, in whatever spelling."""
_KEPT = "/%:@!$&'()*+,;=~-._"
_NO_WEB = {
    *(
        1,
        7,
        9,
        11,
        13,
        15,
        17,
        19,
        20,
        21,
        22,
        23,
        25,
        37,
        42,
        43,
        53,
        69,
        77,
        79,
        87,
        95,
        101,
        102,
        103,
        104,
        109,
        110,
        111,
        113,
    ),
    *(
        115,
        117,
        119,
        123,
        135,
        137,
        139,
        143,
        161,
        179,
        389,
        427,
        465,
        512,
        513,
        514,
        515,
        526,
        530,
        531,
        532,
        540,
        548,
        554,
        556,
    ),
    *(563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667),
    *(6668, 6669, 6679, 6697, 10080),
}
"""Ports of mail and other services, which might take a request for their own language: no browser asks them either.
Source: https://fetch.spec.whatwg.org/#port-blocking"""


class Url(NamedTuple):
    """An http or https URL in its one spelling, without a fragment."""

    scheme: str
    host: str
    """Lower case, ASCII, no dot behind; an IPv6 address has no brackets."""
    port: int
    target: str
    """Path and query, percent-encoded."""

    @property
    def authority(self) -> str:
        """Host and port as the Host header wants them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def site(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return f"{self.site}{self.target}"


def parse(text: str, base: Url | None = None) -> Url:
    """Read a URL, relative to `base` if there is one.

    Raises:
        UrlRefused: it is no http or https URL, or can be read in more than one way.
    """
    _check_characters(text)
    try:
        parts = urlsplit(urljoin(str(base), text) if base else text)
    except ValueError as error:
        raise UrlRefused(f"{shown(text)} is no URL; write it like https://example.org/page") from error
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise UrlRefused(f"{shown(text)} is not fetched: only http:// and https:// are")
    if "@" in parts.netloc:
        raise UrlRefused(f"{_without_password(text)} holds a name or password before its host; leave it out")
    found = _AUTHORITY.fullmatch(parts.netloc)
    if not found:
        raise UrlRefused(f"{shown(text)} has no host that can be read; write it like https://example.org/page")
    target = _without_dots(quote(parts.path or "/", safe=_KEPT)) + (
        f"?{quote(parts.query, safe=_KEPT + '?')}" if parts.query else ""
    )
    return Url(scheme, _host(found["host"], text), _port(found["port"], scheme, text), target)


def looks_like_one(text: str) -> bool:
    """True for what a person means as a URL, whether or not it is one that is fetched; a path never does."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def shown(text: str) -> str:
    """A URL as messages show it: in quotes, and not without end."""
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def _check_characters(text: str) -> None:
    if len(text) > _MAX_CHARS:
        raise UrlRefused(f"{shown(text)} has {len(text):,} characters; a URL may have {_MAX_CHARS:,}")
    for character in text:
        if character == "\\" or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp", "Zs"}:
            raise UrlRefused(
                f"{_without_password(text)} holds {character!r}, which no URL may; write it percent-encoded, or leave it out"
            )


def _host(host: str, text: str) -> str:
    if host.startswith("["):
        try:
            return ipaddress.IPv6Address(host[1:-1]).compressed
        except ValueError as error:
            raise UrlRefused(f"{shown(text)} has no IPv6 address between its brackets; check the spelling") from error
    try:
        name = host.lower() if host.isascii() else idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError as error:
        raise UrlRefused(f"{shown(text)} names a host that cannot exist; check the spelling") from error
    name = name.removesuffix(".")
    if not _NAME.fullmatch(name):
        raise UrlRefused(f"{shown(text)} names a host that cannot exist; check the spelling")
    if _NUMBER.fullmatch(name):
        return _ipv4(name, text)
    return name


def _ipv4(name: str, text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError as error:
        raise UrlRefused(f"{shown(text)} spells an IPv4 address unusually; write four decimal numbers") from error


def _port(port: str | None, scheme: str, text: str) -> int:
    number = int(port) if port else _PORTS[scheme]
    if not 0 < number < 65536:
        raise UrlRefused(f"{shown(text)} names the port {number}; there are 1 to 65535")
    if number in _NO_WEB:
        raise UrlRefused(f"{shown(text)} names the port {number}, where no web server answers; leave it out")
    return number


def _without_dots(path: str) -> str:
    """The path as servers read it, so that a site's rules are asked of what it will send. Source: RFC 3986, section 5.2.4."""
    kept: list[str] = []
    dots = ""
    for segment in path.split("/")[1:]:
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
    return "/" + "/".join([*kept, ""] if dots in (".", "..") else kept)


def _without_password(text: str) -> str:
    return shown(re.sub(r"//[^/?#]*@", "//(secret)@", text))

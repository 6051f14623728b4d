"""A URL has one reading here; what has two is refused before anybody is asked for an address."""

from __future__ import annotations

import contextlib
import random
import re

import pytest

from chatbot.errors import UrlRefused
from chatbot.knowledge.fetching.urls import parse

BASE = parse("https://example.org/docs/index.html?old=1")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("http://example.org", "http://example.org/"),
        ("HTTPS://Example.ORG:443/A%2fb?c=%20#d", "https://example.org/A%2fb?c=%20"),
        ("http://example.org.:8080?", "http://example.org:8080/"),
        ("http://example.org:/", "http://example.org/"),
        ("https://b\u00fccher.example/stra\u00dfe?q=\u00fc", "https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC"),
        ("https://stra\u00dfe.example/", "https://xn--strae-oqa.example/"),
        ("https://\u4f8b\u3048\u3002\u30c6\u30b9\u30c8/", "https://xn--r8jz45g.xn--zckzah/"),
        ("http://93.184.216.34/", "http://93.184.216.34/"),
        ("http://[2606:4700:0::1]:81/", "http://[2606:4700::1]:81/"),
        ("http://my_host.example/", "http://my_host.example/"),
        ("http://example.org/a|b<c>\"d'", "http://example.org/a%7Cb%3Cc%3E%22d'"),
        ("http://3com.example/", "http://3com.example/"),
        ("http://example.org/a/../../b/./c", "http://example.org/b/c"),
        ("http://example.org/a/%2E%2e/b/.", "http://example.org/b/"),
        ("http://example.org/a//../b..", "http://example.org/a/b.."),
    ],
)
def test_a_url_has_one_spelling(text: str, read: str) -> None:
    assert str(parse(text)) == read
    assert parse(read) == parse(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("page.html", "https://example.org/docs/page.html"),
        ("../a?b=1", "https://example.org/a?b=1"),
        ("//other.example/a", "https://other.example/a"),
        ("http://other.example/a", "http://other.example/a"),
        ("?new=1", "https://example.org/docs/index.html?new=1"),
    ],
)
def test_a_relative_url_lies_beside_its_base(text: str, read: str) -> None:
    assert str(parse(text, BASE)) == read


@pytest.mark.parametrize(
    ("host", "port", "authority", "site"),
    [
        ("example.org", "", "example.org", "http://example.org"),
        ("example.org", ":80", "example.org", "http://example.org"),
        ("[::1]", ":8080", "[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_site_is_scheme_host_and_port(host: str, port: str, authority: str, site: str) -> None:
    url = parse(f"http://{host}{port}/a?b")
    assert (url.authority, url.site, url.path) == (authority, site, "/a")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *((f"http://{host}/", "spells an IPv4 address unusually") for host in ("2130706433", "0x7f000001", "017700000001")),
        *((f"http://{host}/", "spells an IPv4 address unusually") for host in ("127.1", "127.0.0.01", "0x7f.0.0.1", "1.2.3.256")),
        *((f"http://{host}/", "spells an IPv4 address unusually") for host in ("a.1", "0x", "\uff11", "1.2.3.4.5")),
        ("http://%31.example/", "names a host that cannot exist"),
        ("http://a..example/", "names a host that cannot exist"),
        (f"http://{'a' * 64}.example/", "names a host that cannot exist"),
        (f"http://{'a.' * 127}example/", "names a host that cannot exist"),
        ("http://exa mple.org/", "holds ' ', which no URL may"),
        ("http://example.org/a\tb", r"holds '\\t', which no URL may"),
        ("http://example.org\\@evil.example/", r"holds '\\\\', which no URL may"),
        ("http://[fe80::1%25eth0]/", "has no host"),
        ("http://[1::2::3]/", "no URL|no IPv6 address"),
        ("http:///a", "has no host"),
        ("ftp://example.org/", "only http:// and https:// are"),
        ("example.org/page", "only http:// and https:// are"),
        ("http://example.org:0/", "there are 1 to 65535"),
        ("http://example.org:65536/", "there are 1 to 65535"),
        (f"http://example.org/{'a' * 8000}", "a URL may have 8,000"),
    ],
)
def test_what_has_two_readings_or_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(UrlRefused, match=says):
        parse(text)


@pytest.mark.parametrize(
    "text", ["https://me:secret@example.org/", "https://me:secret@example.org/a b", "http://me:secret@a\\b/"]
)
def test_a_password_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        parse(text)
    assert "secret@" not in str(refused.value).replace("(secret)@", "")


def test_no_text_whatever_breaks_the_reader_and_what_is_read_is_read_again_alike() -> None:
    pieces = [
        *"/:@#?%[].\\ -_0a",
        "http://",
        "xn--",
        "//",
        "\u3002",
        "\u00ad",
        "\u0661",
        "\u05d0",
        "\u200d",
        "\u00df",
        "\uff0f",
        "\u0338",
        "\u2488",
    ]
    chance, read = random.Random(7), 0
    for _ in range(20_000):
        text = chance.choice(["http://", "https://a.", ""]) + "".join(chance.choices(pieces, k=chance.randrange(9)))
        with contextlib.suppress(UrlRefused):
            url = parse(text)
            read += 1
            assert parse(str(url)) == url, text
            assert re.fullmatch(r"[a-z0-9_.-]+|[0-9a-f:]+", url.host), text
            assert url.target.isascii(), text
    assert read > 1000

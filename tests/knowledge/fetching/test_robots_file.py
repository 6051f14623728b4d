"""What a robots.txt allows, by RFC 9309."""

from __future__ import annotations

import time

import pytest

from chatbot.knowledge.fetching import robots_file


def allows(text: str, target: str, product: str = "chatbot") -> bool:
    return robots_file.allowed(robots_file.read(text, product), target)


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("/fish", ["/fish", "/fish.html", "/fishheads/yummy.html", "/fish?id=1"], ["/Fish.asp", "/catfish", "/"]),
        ("/fish*", ["/fish", "/fishheads"], ["/Fish", "/catfish"]),
        ("/fish/", ["/fish/", "/fish/?id=1"], ["/fish", "/fish.html"]),
        ("/*.php", ["/index.php", "/a/b.php?x", "/a.php/c"], ["/", "/windows.PHP"]),
        ("/*.php$", ["/index.php", "/a/b.php"], ["/index.php?x", "/index.php/", "/index.php5"]),
        ("/fish*.php", ["/fish.php", "/fishheads/cat.php?x"], ["/Fish.PHP"]),
        ("/$", ["/"], ["/a"]),
        ("*/private", ["/private", "/a/private/b"], ["/privat"]),
        ("/a*a$", ["/aa", "/abca"], ["/a", "/aab"]),
        ("/a%2fb", ["/a%2Fb"], ["/a/b"]),
        ("/%7ejoe", ["/~joe/index"], ["/joe"]),
        ("/stra\u00dfe", ["/stra%C3%9Fe"], ["/strasse"]),
    ],
)
def test_a_pattern_is_a_beginning_with_stars_and_an_end(pattern: str, fits: list[str], does_not: list[str]) -> None:
    text = f"User-agent: *\nDisallow: {pattern}\n"
    assert [target for target in fits if allows(text, target)] == []
    assert [target for target in does_not if not allows(text, target)] == []


def test_the_longest_rule_wins_and_of_two_as_long_the_one_that_allows() -> None:
    text = "User-agent: *\nDisallow: /docs/\nAllow: /docs/open/\nDisallow: /same\nAllow: /same\n"
    assert not allows(text, "/docs/a")
    assert allows(text, "/docs/open/a")
    assert allows(text, "/same")


def test_our_own_groups_are_joined_and_hide_those_for_all() -> None:
    text = (
        "\ufeffuser-AGENT: ChatBot/2.0 # ours\nUser-agent: other\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n"
        "User-agent: chatbot\nSitemap: http://example.org/s.xml\nCrawl-delay: 10\nDisallow: /c\n"
    ).removeprefix("\ufeff")
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, True, False]
    assert [allows(text, path, "other") for path in ("/a", "/b", "/c")] == [False, True, True]
    assert [allows(text, path, "third") for path in ("/a", "/b", "/c")] == [True, False, True]


@pytest.mark.parametrize(
    "text", ["", "Disallow: /", "User-agent: *\nDisallow:", "<html>Disallow: /</html>", "User-agent: *\nAllow: /x"]
)
def test_what_says_nothing_allows_everything(text: str) -> None:
    assert allows(text, "/a")


def test_the_rules_themselves_may_always_be_read() -> None:
    assert allows("User-agent: *\nDisallow: /", "/robots.txt")
    assert not allows("User-agent: *\nDisallow: /", "/robots.txt.html")


def test_a_pattern_made_to_be_slow_is_not() -> None:
    text = f"User-agent: *\nDisallow: /{'*a' * 4000}b\n"
    begun = time.process_time()
    assert allows(text, "/" + "a" * 8000)
    assert time.process_time() - begun < 1

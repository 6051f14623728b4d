"""Tells when two questions ask the same: by their text, by their words, or by their content words in order.

It knows nothing about answers. What two questions may differ in is a closed list; what is not on it makes them two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chatbot.language.terms import STOP_WORDS, terms

_ENDING = re.compile(r"[\s?.!]+$")
_FRAME = re.compile(
    r"^(?:(?:hi|hello|hey)\b\W*)?(?:(?:please|kindly)\b\W*)?"
    r"(?:(?:(?:can|could|would|will) you (?:please )?)?(?:tell me|let me know)\b\W*|do you know\b\W*)?(?:please\b\W*)?",
    re.IGNORECASE,
)
"""How people begin a question; what it asks stands behind."""
_THANKS = re.compile(r"\W*\b(?:please|thanks|thank you|thx)\W*$", re.IGNORECASE)
_CONTRACTED = re.compile(r"\b(what|who|where|when|how|why|that|there)['’](s|re)\b", re.IGNORECASE)
_TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)*|\w+(?:['’]\w+)*|[^\w\s]")
"""Signs are kept: C, C# and C++ are three languages."""
_SILENT = frozenset(',;"“”„?!.')
_ARTICLES = frozenset({"a", "an", "the"})
_ARTICLE = "the"

MEANT = frozenset(
    """
    who whom whose when where which why how not no nor never without cannot after again before above below between under over on
    off out in into to from until up down more less most few other only same each every all any both against through during
    should must may might
    """.split()  # noqa: SIM905  a list literal of these would be forty lines
)
"""Stop words that turn a question into another one."""


class Wording(NamedTuple):
    """A question in three forms, each coarser than the one before."""

    text: str
    """Without differences of case, white space and the sign at its end."""
    words: tuple[str, ...]
    """All words, numbers and signs in order, without quotation marks and the phrases that people ask politely with. Articles are
    left out where they can be nothing else: "vitamin a deficiency" keeps its a."""
    content: tuple[str, ...]
    """Stems of the content words in order, among them the words that ask, deny, compare and place; numbers and signs."""


def wording(question: str) -> Wording:
    """The forms by which a question is compared with others."""
    plain = _ENDING.sub("", " ".join(unicodedata.normalize("NFKC", question).split()))
    asked = _THANKS.sub("", _FRAME.sub("", plain, count=1)) or plain
    full = _CONTRACTED.sub(lambda found: f"{found[1]} {'is' if found[2].lower() == 's' else 'are'}", asked)
    tokens = [token for token in _TOKEN.findall(full) if token not in _SILENT]
    folded = [
        token if _is_name(token, tokens[place - 1] if place else "") else token.casefold() for place, token in enumerate(tokens)
    ]
    words = tuple(_without_articles(folded))
    return Wording(plain.casefold(), words, tuple(part for word in words for part in _content(word)))


def _without_articles(tokens: Sequence[str]) -> Iterator[str]:
    for place, token in enumerate(tokens):
        follows, last = place + 1 < len(tokens), tokens[place - 1] if place else ""
        if token not in _ARTICLES or not follows or tokens[place + 1] in STOP_WORDS:
            yield token
        elif last and last not in STOP_WORDS:
            yield _ARTICLE


def _is_name(token: str, last: str) -> bool:
    """Plan A, vitamin C, World War I; but not "can I"."""
    return _is_letter(token) and bool(last) and not (token == "I" and last.casefold() in STOP_WORDS)


def _is_letter(token: str) -> bool:
    return len(token) == 1 and token.isupper()


def _content(word: str) -> list[str]:
    if word in MEANT or word in _ARTICLES or _is_letter(word) or not word[0].isalpha():
        return [word]
    if re.search(r"n['’]t$", word):
        return ["not"]
    return terms(word) if word not in STOP_WORDS else []

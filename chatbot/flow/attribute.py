"""attribute: find the words of a passage that stand behind a sentence. Lexical: it compares terms, and no meaning."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import NamedTuple

from chatbot import markers
from chatbot.language import sentences
from chatbot.language.terms import terms
from chatbot.schema import Passage, Verdict

MIN_SHARE = 0.8
"""Share of a sentence's terms that one place must hold.

Source: benchmarks/uncited.py, 2026-11-22, precision/recall at 0.75, 0.8, 0.85: handbook lightly paraphrased .82/.89, .84/.85,
.81/.51; primer .87/.81, .89/.78, .87/.47; mtRAG answers, dev, .85/.72, .85/.65, .85/.55; WiCE claims, dev, .77/.20, .86/.16,
.83/.13, where claims supported in part count as unsupported.
"""

MIN_TERMS = 3
"""A sentence of fewer is no claim that anybody would look up."""

_WORDS = re.compile(r"\S+")
_IN_WORD = re.compile(r"\w")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_EXEMPT = re.compile(
    r"""
    [:：?？][\s*_"'”’)\]]*\Z        # what only introduces or asks
    | \A\s*(?:\#{1,6}\s|```|~~~)    # headings, code
    | \A[\s|:=-]*\Z                 # rules between rows
    """,
    re.VERBOSE,
)
_REFUSAL = re.compile(
    r"\b(?:documents?|sources?|passages?|context|text|materials?)\b.{0,40}\b(?:(?:do|does|did) ?n[o']t|cannot|can't|no|not)\b"
    r"|\b(?:not|no|n't)\b.{0,60}\b(?:documents?|sources?|passages?|context|materials?)\b"
    r"|\b(?:I|we)(?:'m|\s+am|\s+are)?\s+(?:sorry|unable|not able|cannot|can't|do not|don't|could not|couldn't)\b",
    re.IGNORECASE | re.DOTALL,
)
_MARKUP = re.compile(r"\A\s*(?:(?:[-*+•>|]|\d{1,2}[.)])\s+)*")


class Match(NamedTuple):
    """The place that holds most of a sentence's terms."""

    share: float
    """In [0, 1]; 0 also where a number of the sentence is not there."""
    document: int
    """From 1, as engines count."""
    start: int
    """Span in the passage's text."""
    end: int

    @property
    def is_supported(self) -> bool:
        return self.share >= MIN_SHARE

    def verdict(self, index: int, sentence: str) -> Verdict:
        """What is said of a sentence that no place supports."""
        lead = _MARKUP.match(sentence)
        return Verdict(
            filter="citation",
            sentence=index,
            grade="uncertain",
            action="mark",
            category="uncited",
            score=round(self.share, 4),
            threshold=MIN_SHARE,
            span=(lead.end() if lead else 0, len(sentence.rstrip())),
            evidence="",
            reason="No passage was cited for this, and none was found that says it.",
        )


class Attribution:
    """Of one answer. A passage is read when it is first needed."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._read: dict[int, list[_Place]] = {}

    def of(self, sentence: str) -> Match | None:
        """The best place for an uncited sentence; None where it states nothing that would need one."""
        said = _said(sentence)
        if said is None:
            return None
        best = Match(0.0, 0, 0, 0)
        for place in self._all:
            share = place.share(said)
            if share > best.share:
                best = Match(share, place.document, place.start, place.end)
        return best

    def evidence(self, document: int, claim: str) -> tuple[int, int]:
        """Span of what the claim quotes from a document; else of the sentence whose terms overlap most (Jaccard); else of all."""
        if quoted := self._quoted(document, markers.unescaped(claim)):
            return quoted
        text = self._passages[document - 1].chunk.text
        said = frozenset(terms(claim))
        best, span = 0.0, (0, len(text))
        for place in self._places(document):
            offered = place.offered.terms
            overlap = len(said & offered) / len(said | offered) if said and offered else 0.0
            if overlap > best:
                best, span = overlap, (place.start, place.end)
        return span

    def _quoted(self, document: int, claim: str) -> tuple[int, int] | None:
        line = _on_one_line(self._passages[document - 1].chunk.text)
        return line.find([word for a, b in sentences.split(claim) for word in claim[a:b].split()])  # no bullets

    @cached_property
    def _all(self) -> list[_Place]:
        """Single sentences first: two are only better where they hold more."""
        single = [self._places(number) for number in range(1, len(self._passages) + 1)]
        pairs = [a.joined(b) for places in single for a, b in zip(places, places[1:], strict=False)]
        return [place for places in single for place in places] + pairs

    def _places(self, document: int) -> list[_Place]:
        if document not in self._read:
            read = _read_sentences(self._passages[document - 1].chunk.text)
            self._read[document] = [_Place(document, start, end, said) for start, end, said in read]
        return self._read[document]


class _OneLine:
    """A text on one line, as quotes stand, wherever the lines of their source break."""

    def __init__(self, text: str) -> None:
        words = list(_WORDS.finditer(text))
        self._text = " ".join(word.group() for word in words)
        self._sources = [word.start() for word in words]
        self._places = [0, *accumulate(len(word.group()) + 1 for word in words)]

    def find(self, words: Sequence[str]) -> tuple[int, int] | None:
        """Span in the text of the first place where the words stand, not inside of longer ones."""
        quote = " ".join(words)
        start = self._text.find(quote) if quote else -1
        while start >= 0:
            end = start + len(quote)
            if not (_IN_WORD.match(self._text, start - 1) and start) and not _IN_WORD.match(self._text, end):
                return self._source(start), self._source(end - 1) + 1
            start = self._text.find(quote, start + 1)
        return None

    def _source(self, place: int) -> int:
        word = bisect_right(self._places, place) - 1
        return self._sources[word] + place - self._places[word]


class _Said(NamedTuple):
    terms: frozenset[str]
    numbers: frozenset[str]


class _Place(NamedTuple):
    document: int
    start: int
    end: int
    offered: _Said

    def share(self, said: _Said) -> float:
        if not said.numbers <= self.offered.numbers:
            return 0.0
        return len(said.terms & self.offered.terms) / len(said.terms)

    def joined(self, other: _Place) -> _Place:
        offered = _Said(self.offered.terms | other.offered.terms, self.offered.numbers | other.offered.numbers)
        return _Place(self.document, self.start, other.end, offered)


# the same passages answer many questions
@lru_cache(maxsize=2048)
def _on_one_line(text: str) -> _OneLine:
    return _OneLine(text)


@lru_cache(maxsize=2048)
def _read_sentences(text: str) -> tuple[tuple[int, int, _Said], ...]:
    return tuple((start, end, _read(text[start:end])) for start, end in sentences.split(text))


def _said(sentence: str) -> _Said | None:
    if _EXEMPT.search(sentence) or _REFUSAL.search(sentence) or sentence.count("“") > sentence.count("”"):
        return None
    said = _read(sentence[_MARKUP.match(sentence).end() :])  # pyright: ignore[reportOptionalMemberAccess]  it matches nothing, too
    return said if len(said.terms) >= MIN_TERMS else None


def _read(text: str) -> _Said:
    return _Said(frozenset(terms(text)), frozenset(_NUMBER.findall(text)))

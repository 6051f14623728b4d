"""disagree: sources that give different values for the same thing are named side by side, with their dates.

Two sentences disagree if they say much the same and differ in one number, or say word for word the same but for one name. It
compares no meaning: what a source says in other words is not found. An answer that says none of the values was asked for
something else, and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from difflib import SequenceMatcher
from itertools import combinations
from typing import NamedTuple

from chatbot import markers
from chatbot.language import prose
from chatbot.language.terms import terms
from chatbot.prompts import Prompt
from chatbot.schema import Delta, Passage, Stop

MIN_ALIKE = 0.6
"""Jaccard overlap of the terms of two sentences that differ in a number, their numbers apart."""

MIN_ASKED = 0.5
"""Share of the question's terms that a sentence must hold: what two of them differ in is then what was asked."""

MIN_TERMS = 2
"""Terms that two sentences share beside their values; "It costs 5 euros" says of nothing what it costs."""

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    rf"\b(?:{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}} {_MONTH},? \d{{4}}|{_MONTH} \d{{4}})\b", re.IGNORECASE
)
_PART = re.compile(r"\d+|[a-z]{3}")
_NUMBER = re.compile(r"(?<![\w.,-])[$€£¥]?\d+(?:[.,:]\d+)*(?:st|nd|rd|th|%)?(?![\w-])")
_TIME = re.compile(r"(?:1[5-9]|20)\d\d|\D{3} .*|.* \D{3}")
"""A year, or a date as `_values` gives it."""
_ASKS_WHEN = re.compile(r"\b(?:when|what (?:year|date|day)|which (?:year|date|day)|since|how old|how long ago)\b", re.IGNORECASE)
_CAPITAL = re.compile(r"[\"“'(]*[^\W\d_a-z]")
_QUESTION = re.compile(r"[?？]\W*$")
_MAX_NAME = 4
"""Words."""
_MAX_SOURCES = 4
_MAX_CLAIMS = 60
"""Compared with one another, those of the best passages first."""


class _Claim(NamedTuple):
    document: int
    """From 1, as engines count."""
    source: str
    said: str
    terms: frozenset[str]
    """Without values."""
    names: frozenset[str]
    """Words with a capital, but for the first."""
    values: frozenset[str]
    """Numbers and dates."""


class Disagreement(NamedTuple):
    """Sentences of different documents that differ in one value."""

    sentences: list[tuple[int, str]]
    """The number of its passage, from 1, before each."""
    values: frozenset[str]
    """Those that they differ in, the words of names one by one."""


class Note(NamedTuple):
    """What is added to an answer that says one of the values."""

    text: str
    """With markers; empty where no sources disagree."""
    values: frozenset[str]


def disagreeing(question: str, passages: Sequence[Passage]) -> Disagreement:
    """The first sentences found to disagree, in the order of the passages; none where all agree."""
    asked = frozenset(terms(question))
    claims = [claim for number, passage in enumerate(passages, 1) for claim in _claims(number, passage)]
    claims = [claim for claim in claims if asked and len(asked & (claim.terms | claim.values)) >= MIN_ASKED * len(asked)]
    for one, other in combinations(claims[:_MAX_CLAIMS], 2):
        if values := _differing(one, other, question, asked):
            found = {one.source: one, other.source: other}
            for claim in claims:
                differing = [_differing(claim, each, question, asked) for each in (one, other)]
                if any(differing):
                    found.setdefault(claim.source, claim)
                    values = values.union(*differing)
            sentences = [(claim.document, claim.said) for claim in list(found.values())[:_MAX_SOURCES]]
            return Disagreement(sentences, frozenset(map(_bare, values)))
    return Disagreement([], frozenset())


def noted(question: str, passages: Sequence[Passage], prompts: Mapping[str, Prompt]) -> Note:
    """The disagreement in words, with the dates of the documents."""
    sentences, values = disagreeing(question, passages)
    if not sentences:
        return Note("", values)
    found = [(passages[number - 1], number, said) for number, said in sentences]
    sources = [
        prompts["disagreement_source"].text(
            "assistant",
            title=markers.literal(passage.title),
            date=passage.date or "undated",
            sentence=f"{markers.literal(said)} [{number}]",
        )
        # what was changed last comes first
        for passage, number, said in sorted(found, key=lambda each: each[0].date, reverse=True)
    ]
    return Note(prompts["disagreement"].text("assistant", sources="\n".join(each.strip() for each in sources)).strip(), values)


async def disagree(words: AsyncGenerator[Delta | Stop], note: Note) -> AsyncGenerator[Delta | Stop]:
    """The engine's words, and behind them the note; what was not answered, or not to its end, gets none."""
    said: list[str] = []
    async with aclosing(words):
        async for item in words:
            if isinstance(item, Delta):
                said.append(item.text)
            elif (
                note.text and item.finish_reason == "stop" and not note.values.isdisjoint(_said_in(markers.strip("".join(said))))
            ):
                yield Delta(text=f"\n\n{note.text}")
            yield item


def _claims(number: int, passage: Passage) -> list[_Claim]:
    found: list[_Claim] = []
    for _, said in prose.quotable(passage.chunk.text):
        # captions and questions claim nothing, and addresses differ without disagreeing
        if not prose.is_ended(said) or _QUESTION.search(said) or "://" in said:
            continue
        values, rest = _values(said)
        names = frozenset(map(_bare, filter(_CAPITAL.match, rest.split()[1:])))
        found.append(_Claim(number, passage.chunk.document_id, said, frozenset(terms(rest)), names, values))
    return found


def _said_in(text: str) -> frozenset[str]:
    values, rest = _values(text)
    return frozenset(map(_bare, [*values, *rest.split()]))


def _bare(word: str) -> str:
    return word.strip(".,;:!?\"“”'()$€£¥%").lower()


def _values(said: str) -> tuple[frozenset[str], str]:
    """Dates, in one order of their parts, and numbers; and the words without them."""
    dates = {" ".join(sorted(_PART.findall(match.group().lower()))) for match in _DATE.finditer(said)}
    rest = _DATE.sub(" ", said)
    numbers = {match.group().replace(",", "") for match in _NUMBER.finditer(rest)}
    return frozenset(dates | numbers), _NUMBER.sub(" ", rest)


def _differing(one: _Claim, other: _Claim, question: str, asked: frozenset[str]) -> frozenset[str]:
    """The values that the two differ in; none where they agree, or speak of different things."""
    if one.source == other.source:
        return frozenset()
    return _differing_values(one, other, question) or _differing_names(one, other, asked)


def _differing_values(one: _Claim, other: _Claim, question: str) -> frozenset[str]:
    only, instead = one.values - other.values, other.values - one.values
    shared = len(one.terms & other.terms)
    is_alike = shared >= MIN_TERMS and shared >= MIN_ALIKE * len(one.terms | other.terms) and one.names == other.names
    if not is_alike or len(only) != 1 or len(instead) != 1:
        return frozenset()
    # each sentence may tell of its own time: that is no disagreement unless the time is what was asked
    are_times = all(map(_TIME.fullmatch, only | instead))
    return frozenset() if are_times and not _ASKS_WHEN.search(question) else only | instead


def _differing_names(one: _Claim, other: _Claim, asked: frozenset[str]) -> frozenset[str]:
    """One name, which the question does not hold, that stands in the place of another, where all else is the same."""
    words, others = one.said.split(), other.said.split()
    if one.values != other.values or len(one.terms ^ other.terms) > 2 * _MAX_NAME:  # the cheaper look comes first
        return frozenset()
    changes = [each for each in SequenceMatcher(None, words, others, autojunk=False).get_opcodes() if each[0] != "equal"]
    if len(changes) != 1 or changes[0][0] != "replace":
        return frozenset()
    _, begun, end, other_begun, other_end = changes[0]
    names, other_names = words[begun:end], others[other_begun:other_end]
    are_names = max(len(names), len(other_names)) <= _MAX_NAME and all(map(_CAPITAL.match, [*names, *other_names]))
    named = frozenset(terms(" ".join([*names, *other_names])))
    is_told = are_names and asked.isdisjoint(named) and len(one.terms - named) >= MIN_TERMS
    return frozenset(map(_bare, [*names, *other_names])) if is_told else frozenset()

"""fold: of passages that say the same, the best one. What differs in a number, a name or a denial is not the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache

from chatbot.language import sentences
from chatbot.language.same_question import MEANT
from chatbot.language.terms import STOP_WORDS
from chatbot.schema import Passage

MIN_ALIKE = 0.9
"""Jaccard overlap of two passages' runs of `_RUN` words, from which they may be the same; Broder, "On the resemblance and
containment of documents" (1997), has the measure.

Source: all pairs of passages with common runs in the development parts of MTRAG-UN, CISI and Cranfield and in FinanceBench's
filings, 2026-11-23. From .9, 750 pairs: 483 have the same words, in 54 one contains the other, 134 differ in a telling word and
are kept, and 79 are folded, 70 of which differ in an ending or an article and 9 in another word. From .7 to .9, 498 pairs: 46
contained, 447 that differ in a telling word, and the other 5 all differ in what they say: a lower threshold has nothing to fold.
"""

_RUN = 3
_TOKEN = re.compile(r"-?\d+(?:[.,:/-]\d+)*|\w+(?:['’]\w+)*|[%‰°$€£¥+<>=≤≥≠±−]")
"""Words, numbers with their sign, and the signs that make a number another one."""
_DENIED = re.compile(r"n['’]t$")
_TELLING = MEANT | frozenset(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half twice double first second
    third fourth fifth none neither
    """.split()  # noqa: SIM905  a list literal of these would be forty lines
)
"""Beside the words that deny, compare and place, numbers in letters."""


def fold(passages: Sequence[Passage]) -> list[Passage]:
    """Leave out each passage that says only what one before it says, or nearly only that in nearly the same words."""
    kept: list[tuple[_Said, Passage]] = []
    for passage in passages:
        said = _read(passage.chunk.text)
        if not any(_repeats(said, better) for better, _ in kept):
            kept.append((said, passage))
    return [passage for _, passage in kept]


class _Said:
    """What a passage says, each view of it made when it is first needed: most pairs differ at the first look."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self.words = [token.lower() for token in self._tokens]
        self.vocabulary = frozenset(self.words)

    @cached_property
    def sentences(self) -> frozenset[tuple[str, ...]]:
        """Words of each sentence."""
        spoken = (_TOKEN.findall(self._text[start:end].lower()) for start, end in sentences.split(self._text))
        return frozenset(tuple(words) for words in spoken if words)

    @cached_property
    def runs(self) -> frozenset[tuple[str, ...]]:
        return frozenset(tuple(self.words[i : i + _RUN]) for i in range(max(1, len(self.words) - _RUN + 1)))

    @cached_property
    def telling(self) -> frozenset[str]:
        """Words that make a passage say something else: numbers, names, denials, and all words of a script without capitals."""
        return frozenset(word for token, word in zip(self._tokens, self.words, strict=True) if _is_telling(token, word))


def _repeats(said: _Said, better: _Said) -> bool:
    if said.vocabulary <= better.vocabulary and said.sentences <= better.sentences:
        return True
    return _is_alike(said, better) and _telling(said, better) == _telling(better, said)


def _is_alike(said: _Said, better: _Said) -> bool:
    if 2 * len(said.vocabulary & better.vocabulary) < len(said.vocabulary):
        return False
    if not (said.vocabulary ^ better.vocabulary).isdisjoint(said.telling | better.telling):  # the cheaper look comes first
        return False
    shared = len(said.runs & better.runs)
    return shared >= MIN_ALIKE * (len(said.runs) + len(better.runs) - shared)


def _telling(said: _Said, other: _Said) -> list[str]:
    """Its telling words in order; a word is a name in both where one of them has a capital for it."""
    telling = said.telling | other.telling
    return [word for word in said.words if word in telling]


def _is_telling(token: str, word: str) -> bool:
    is_plain = (token.isalpha() and token.islower()) or word in STOP_WORDS
    return not is_plain or word in _TELLING or bool(_DENIED.search(word))


# the same passages answer many questions; 16 KB each
@lru_cache(maxsize=512)
def _read(text: str) -> _Said:
    return _Said(text)

"""Text to terms: lower-cased, accents folded, stop words dropped, stemmed. BM25 and the picking of sentences share them.

The stems are English. Of a script without spaces, every two letters that stand side by side are a term.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence

import Stemmer

VERSION = 2
"""Raised whenever a text has other terms than before: indexes of words are then built anew."""

# vowel signs of the scripts of India and South East Asia belong to their words, and \w does not match them
_LETTERS = r"\w\u0900-\u0963\u0966-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORD = re.compile(rf"[{_LETTERS}]+(?:['’][{_LETTERS}]+)*")
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+)")
_ENDING = re.compile(r"['’](?:s|t|d|m|ll|re|ve)?$|['’](?=\w)")
"""Possessives and contractions: what is left of "don't" and "they'll" is a stop word."""
_BRITISH = re.compile(r"is(?=(?:e|es|ed|ing|ers?|ations?)$)")
"""summarise and summarize are one word; that "rise" becomes "rize" does no harm, for it does so everywhere."""
_DIGIT = re.compile(r"\d")
_MARKS = re.compile(r"[\u0300-\u036f\u064b-\u0652]")
"""Accents, and the short vowels of Arabic, which few write."""

_PREFIX = 5
_LEAST_STOP_WORDS = 0.1
"""Share of English function words from which a text is taken for English: SQuAD's questions have .43, those in German .00."""

# Source: the function words of English, as in the stop lists of Snowball and Lucene, with the question words people type.
STOP_WORDS = frozenset(
    """
    a about above actually after again against all also am an and any are aren as at be because been before being below
    between both but by can cannot could couldn did didn do does doesn doing don down during each else ever every few for
    from further get gets give had hadn happen happens has hasn have haven having he hello her here hers herself hi him
    himself his how i if im in into is isn it its itself just know let like ll many may me mean means might mine more most
    much must my myself no nor not now of off on once one only or other our ours ourselves out over own per please re really
    same shall she should shouldn so some such tell than thank thanks that the their theirs them themselves then there these
    they thing things this those through to too under until up upon us ve very want was wasn way we well were weren what
    whats when where which while who whom whose why will with won would wouldn you your yours yourself yourselves
    """.split()  # noqa: SIM905  a list literal of these would be 180 lines
)


class _Stemmers(threading.local):
    """One a thread: a stemmer keeps a cache, and must not be used by two at once."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english", 50_000)


_stemmers = _Stemmers()


def words(text: str) -> list[str]:
    """Lower-cased words without accents, in order."""
    plain = text.lower()
    if not plain.isascii():
        # accents come off where letters are taken apart; put together again, Korean and Japanese are words as before
        plain = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFKD", plain)))
    return [_ENDING.sub("", word) for word in _WORD.findall(plain)]


def terms(text: str) -> list[str]:
    """Stems of the content words, in order. Source: Porter 2 (Snowball English)."""
    return _stems(words(text))


def index_terms(text: str) -> list[str]:
    """As `terms`; of a text that is not English also how each long word begins, which is what its forms have in common.

    A word with a digit in it is a name or a number, and has no forms.

    The words that questions have in common with what answers them differ in their endings. Recall@5 by words alone, XQuAD's
    development part: Russian .875 without, .966 with these; Romanian .926, .972; Turkish .909, .955; English, as it was.
    """
    found = words(text)
    stems = _stems(found)
    if not found or function_words(found) >= _LEAST_STOP_WORDS:
        return stems
    return stems + [f"{stem[:_PREFIX]}*" for stem in stems if len(stem) > _PREFIX and not _DIGIT.search(stem)]


def function_words(found: Sequence[str]) -> float:
    """Share of the words that are function words of English, in [0, 1]."""
    return sum(word in STOP_WORDS for word in found) / max(1, len(found))


def _stems(found: Sequence[str]) -> list[str]:
    content: list[str] = []
    for word in found:
        if word in STOP_WORDS:
            continue
        if word.isascii():
            content.append(_BRITISH.sub("iz", word))
        else:
            content += _parts(word)
    return _stemmers.english.stemWords(content)


def _parts(word: str) -> Iterator[str]:
    """The word; of one in a script without spaces every two neighbouring letters, since where its words end is not written."""
    for number, part in enumerate(_UNSPACED.split(word)):
        if number % 2 and len(part) > 1:
            yield from (part[i : i + 2] for i in range(len(part) - 1))
        elif part:
            yield part

"""Text to terms: lower-cased, accents folded, stop words dropped, stemmed. BM25 and the picking of sentences share them."""

from __future__ import annotations

import re
import threading
import unicodedata

import Stemmer

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_ENDING = re.compile(r"['’](?:s|t|d|m|ll|re|ve)?$|['’](?=\w)")
"""Possessives and contractions: what is left of "don't" and "they'll" is a stop word."""
_BRITISH = re.compile(r"is(?=(?:e|es|ed|ing|ers?|ations?)$)")
"""summarise and summarize are one word; that "rise" becomes "rize" does no harm, for it does so everywhere."""
_MARKS = re.compile(r"[̀-ͯ]")

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
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text.lower()))
    return [_ENDING.sub("", word) for word in _WORD.findall(plain)]


def terms(text: str) -> list[str]:
    """Stems of the content words, in order. Source: Porter 2 (Snowball English)."""
    return _stemmers.english.stemWords([_BRITISH.sub("iz", word) for word in words(text) if word not in STOP_WORDS])

"""Cuts a long text into as few pieces as fit, at the best places there are. Nothing is left out: the pieces join to the text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cached_property

from chatbot.errors import PromptTooLong
from chatbot.language import sentences

Fits = Callable[[str], Awaitable[bool]]

_PARAGRAPH = re.compile(r"\n\s*\n")
_WORD = re.compile(r"\s+")


async def pieces(text: str, fits: Fits, sections: Sequence[int] = ()) -> list[str]:
    """Runs of the text that fit, cut where `sections` end, else behind a paragraph, a sentence, a word, a character.

    Raises:
        PromptTooLong: not a single character fits.
    """
    ends, found, start = _Ends(text, sections), list[str](), 0
    while text[start:].strip():
        end = await _furthest(text, start, ends, fits)
        found.append(text[start:end])
        start = end
    return found


class _Ends:
    """Places to cut a text, the best kind first; each kind is looked for when it is needed."""

    def __init__(self, text: str, sections: Sequence[int]) -> None:
        self._text = text
        self._sections = sections

    def __iter__(self) -> Iterator[Sequence[int]]:
        yield sorted({*self._sections, len(self._text)})
        yield self._paragraphs
        yield self._sentences
        yield self._words
        yield range(1, len(self._text) + 1)

    @cached_property
    def _paragraphs(self) -> list[int]:
        return [match.end() for match in _PARAGRAPH.finditer(self._text)]

    @cached_property
    def _sentences(self) -> list[int]:
        return [end for _, end in sentences.split(self._text)]

    @cached_property
    def _words(self) -> list[int]:
        return [match.end() for match in _WORD.finditer(self._text)]


async def _furthest(text: str, start: int, ends: _Ends, fits: Fits) -> int:
    for places in ends:
        first = bisect_right(places, start)
        low, high = first, len(places)
        while low < high:  # the number of places, of which the last still fits, lies between the two
            # all of the rest is tried first: it is what most texts need
            middle = high - 1 if (low, high) == (first, len(places)) else (low + high) // 2
            if await fits(text[start : places[middle]]):
                low = middle + 1
            else:
                high = middle
        if low > first:
            return places[low - 1]
    raise PromptTooLong("the prompt of this task alone fills the model's context; use a model with a larger one")

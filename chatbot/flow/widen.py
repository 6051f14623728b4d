"""widen: small chunks are found, and for an engine that writes their sections are read around them, each chunk as it is.

A neighbour is a passage of its own, so its span, page and citations are exact, and a later turn can recall it by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatbot.schema import Passage

_CHARACTERS_A_TOKEN = 4
"""Roughly, of English; whether all of it fits is counted by `fit`."""


class _Neighbour(NamedTuple):
    far: int
    """Steps from its passage, and that one's from the best: the lower the better."""
    rank: int
    passage: Passage


def widen(passages: Sequence[Passage], tokens: int, near: Callable[[Passage, int], Sequence[Passage]]) -> list[Passage]:
    """All passages, best first, and behind them neighbours of the same section, those worth most first, of `tokens` in all.

    `near` gives the passages of one's document that lie within so many characters of it, in reading order.

    Source: what the engine has before it of the figures on FinanceBench's evidence pages (30 questions) and of the words of a
    person's answer, MTRAG-UN's development part (169), 2026-11-23. With 5 passages .30 and .78; with 1,000 tokens around them .52
    and .83; with as much text in further passages between .41 and .45, and .82. So it pays in long sections, and where they are
    short, as the handbook's, further passages are worth as much. Whose neighbours come first changes little: those of the best
    passage .48 and .83, every passage's next ones .49 and .83. An engine that quotes gains nothing: of 183 golden questions it
    answered 138 without neighbours, 138 with those of all passages, and took a fifth longer.
    """
    room = tokens * _CHARACTERS_A_TOKEN
    wide = {passage.chunk.id: passage for passage in passages}
    found = [each for passage in passages for each in _neighbours(passage, near(passage, room))]
    for neighbour in sorted(found, key=lambda each: (each.far, each.rank)):
        chunk = neighbour.passage.chunk
        if chunk.id in wide:
            continue
        room -= len(chunk.text)
        if room < 0:
            break
        wide[chunk.id] = neighbour.passage.model_copy(update={"rank": len(wide) + 1})
    return list(wide.values())


def _neighbours(passage: Passage, around: Sequence[Passage]) -> list[_Neighbour]:
    """Those of its section: the run of chunks under the same headings that it stands in."""
    here = next((place for place, each in enumerate(around) if each.chunk.id == passage.chunk.id), None)
    if here is None:  # its document was replaced since it was found
        return []
    found: list[_Neighbour] = []
    for way in (around[here + 1 :], around[:here][::-1]):
        for steps, each in enumerate(way, 1):
            if each.chunk.heading_path != passage.chunk.heading_path:
                break
            found.append(_Neighbour(passage.rank + steps, passage.rank, each))
    return found

"""cite: turn the engine's markers into citations of exact spans, and drop markers that point nowhere."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from chatbot import sentences
from chatbot.schema import Citation, Delta, Passage, Sentence, Stop
from chatbot.terms import terms

_MARKER = re.compile(r" ?\[(\d{1,3})\]")
_MAYBE_MARKER = re.compile(r" ?(?:\[\d{0,3})?$")


async def cite(
    stream: AsyncGenerator[Delta | Sentence | Stop], passages: Sequence[Passage]
) -> AsyncGenerator[Delta | Sentence | Citation | Stop]:
    """Renumber markers in the order they first appear, and after each sentence yield one citation for each of its markers."""
    markers = _Markers(len(passages))
    held = ""
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, Delta):
                ready, held = _hold_back(held + item.text)
                if ready:
                    yield Delta(text=markers.renumber(ready))
            elif isinstance(item, Sentence):
                yield Sentence(text=markers.renumber(item.text), index=item.index)
                claim = _MARKER.sub("", item.text)
                for document, marker in markers.in_text(item.text):
                    yield _citation(claim, passages[document - 1], marker)
            else:
                if held:
                    yield Delta(text=markers.renumber(held))
                yield item


class _Markers:
    """The engine numbers documents by rank; readers see 1, 2, 3 in the order of reading."""

    def __init__(self, documents: int) -> None:
        self._documents = documents
        self._numbers: dict[int, int] = {}

    def renumber(self, text: str) -> str:
        """Rewrite every marker; one that points to no document disappears."""
        return _MARKER.sub(lambda match: f" [{number}]" if (number := self._number(match.group(1))) else "", text)

    def in_text(self, text: str) -> list[tuple[int, int]]:
        """Document and new number of each marker, in order."""
        return [(int(found), number) for found in _MARKER.findall(text) if (number := self._number(found))]

    def _number(self, found: str) -> int | None:
        document = int(found)
        return self._numbers.setdefault(document, len(self._numbers) + 1) if 1 <= document <= self._documents else None


def _hold_back(text: str) -> tuple[str, str]:
    """Split off an end that the next delta could turn into a marker."""
    cut = match.start() if (match := _MAYBE_MARKER.search(text)) else len(text)
    return text[:cut], text[cut:]


def _citation(claim: str, passage: Passage, marker: int) -> Citation:
    start, end = evidence(claim, passage.chunk.text)
    return Citation(
        marker=marker,
        start=passage.chunk.start + start,
        end=passage.chunk.start + end,
        chunk_id=passage.chunk.id,
        collection=passage.collection,
        source=passage.source,
        title=passage.title,
        page=passage.chunk.page,
        cited_text=passage.chunk.text[start:end],
    )


def evidence(claim: str, text: str) -> tuple[int, int]:
    """Span of the sentence of `text` whose terms overlap most with the claim's (Jaccard); all of it if none does."""
    verbatim = text.find(claim.strip())
    if claim.strip() and verbatim >= 0:
        return verbatim, verbatim + len(claim.strip())
    said = set(terms(claim))
    best, span = 0.0, (0, len(text))
    for start, end in sentences.split(text):
        offered = set(terms(text[start:end]))
        overlap = len(said & offered) / len(said | offered) if said and offered else 0.0
        if overlap > best:
            best, span = overlap, (start, end)
    return span

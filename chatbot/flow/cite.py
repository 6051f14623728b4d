"""cite: turn the engine's markers into citations of exact spans, and drop markers that point nowhere."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from chatbot import markers, sentences
from chatbot.schema import Citation, Delta, Passage, Sentence, Stop
from chatbot.terms import terms


async def cite(
    stream: AsyncGenerator[Delta | Sentence | Stop], passages: Sequence[Passage]
) -> AsyncGenerator[Delta | Sentence | Citation | Stop]:
    """Renumber markers in the order they first appear, and after each sentence yield one citation for each of its markers."""
    numbering = _Numbering(len(passages))
    held = ""
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, Delta):
                held += item.text
                cut = markers.begun(held)
                ready, held = held[:cut], held[cut:]
                if ready:
                    yield Delta(text=numbering.renumber(ready))
            elif isinstance(item, Sentence):
                yield Sentence(text=numbering.renumber(item.text), index=item.index)
                for document, claim in markers.claims(item.text):
                    if number := numbering.number(document):
                        yield _citation(claim, passages[document - 1], number)
            else:
                if held:
                    yield Delta(text=numbering.renumber(held))
                yield item


class _Numbering:
    """The engine numbers documents by rank; readers see 1, 2, 3 in the order of reading."""

    def __init__(self, documents: int) -> None:
        self._documents = documents
        self._numbers: dict[int, int] = {}

    def renumber(self, text: str) -> str:
        """Rewrite every marker; one that points to no document disappears."""
        return markers.MARKER.sub(lambda match: f" [{number}]" if (number := self.number(int(match.group(1)))) else "", text)

    def number(self, document: int) -> int | None:
        """The number that readers see, None if there is no such document."""
        return self._numbers.setdefault(document, len(self._numbers) + 1) if 1 <= document <= self._documents else None


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
    """Span of what the claim quotes from `text`; else of the sentence whose terms overlap most (Jaccard); else of all of it."""
    if quoted := _quoted(claim, text):
        return quoted.span()
    said = set(terms(claim))
    best, span = 0.0, (0, len(text))
    for start, end in sentences.split(text):
        offered = set(terms(text[start:end]))
        overlap = len(said & offered) / len(said | offered) if said and offered else 0.0
        if overlap > best:
            best, span = overlap, (start, end)
    return span


def _quoted(claim: str, text: str) -> re.Match[str] | None:
    claim = markers.unescaped(claim)
    words = [re.escape(word) for start, end in sentences.split(claim) for word in claim[start:end].split()]  # no bullets
    # a quote stands on one line, wherever the lines of its source break
    return re.search(r"(?<!\w)" + r"\s+".join(words) + r"(?!\w)", text) if words else None

"""cite: turn the engine's markers into citations of exact spans, drop those that point nowhere, and look for what has none."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from chatbot import markers
from chatbot.flow.attribute import Attribution
from chatbot.schema import Citation, Delta, Passage, Sentence, Stop, Verdict

_COUNTS = re.compile(
    r"(?:\b(?:in|within|from|between|range|ranges|interval|array|list|vector|tuple|set|equals?|returns?|is|are|to|over|of|and|or|x|y)"
    r"|[=∈⊂(,:;+*/<>-])\s*$",
    re.IGNORECASE,
)
"""Words behind which `[1, 2]` is an interval or a list of numbers."""

_JOINS = re.compile(r"[\[【][^\]】]{0,64}\Z|[`~\\]\Z")
"""Words that must not meet what follows a marker that disappears: together they could become a marker, or code."""
_LINE_BEGINS = re.compile(rf"(?:\A|\n){markers.LEAD}\Z")


async def cite(
    stream: AsyncGenerator[Delta | Sentence | Stop], passages: Sequence[Passage]
) -> AsyncGenerator[Delta | Sentence | Citation | Verdict | Stop]:
    """Renumber markers in the order they first appear, and after each sentence yield one citation for each of its markers.

    A sentence without any gets one where a passage says the same, else a verdict that it is uncited.
    """
    citing = _Citing(passages)
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, Delta):
                ready = citing.renumber(item)
                if ready == item.text:
                    yield item
                elif ready:
                    yield Delta(text=ready, is_code=item.is_code)
            elif isinstance(item, Sentence):
                for each in citing.finish(item.index):
                    yield each
            else:
                yield item


class _Citing:
    """The engine numbers documents by rank; readers see 1, 2, 3 in the order of reading."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._attribution = Attribution(passages)
        self._numbers: dict[int, int] = {}
        self._held = ""
        """White space, and the end of a table's row, before which a marker may have to go."""
        self._said: list[str] = []
        """The sentence as readers see it."""
        self._words: list[str] = []
        """What was said since its last marker."""
        self._is_row = False
        """The sentence before is a table's row; the first row of one names its columns."""
        self._claims: list[tuple[int, str]] = []
        """A document for each marker of the sentence, and the words it stands behind."""

    def renumber(self, delta: Delta) -> str:
        """Rewrite every marker; one that points to no document disappears. The end may be kept for later."""
        if delta.is_code:
            text, self._held = self._held + delta.text, ""
            self._words.append(text)
        else:
            text = self._held + delta.text
            end = len(text.rstrip())
            if end and text[end - 1] == "|":
                end = len(text[: end - 1].rstrip())
            text, self._held = text[:end], text[end:]
            if "[" in text or "【" in text:
                text = self._with_numbers(text)
            elif text:
                self._words.append(text)
        if text:
            self._said.append(text)
        return text

    def finish(self, index: int) -> Iterator[Delta | Sentence | Citation | Verdict]:
        """The sentence's end."""
        words = "".join(self._said)
        before, self._is_row = self._is_row, words.lstrip().startswith("|")
        is_head = self._is_row and not before
        match = None if self._claims or is_head else self._attribution.of(words)
        cited = [self._citation(document, claim) for document, claim in self._claims]
        if match and match.is_supported:
            cited = [self._spanning(match.document, match.start, match.end)]
            self._held = f" [{cited[0].marker}]{self._held}"
        if self._held:
            yield Delta(text=self._held)
        yield Sentence(text=words + self._held, index=index)
        yield from cited
        if match and not match.is_supported:
            yield match.verdict(index, words)
        self._held, self._said, self._words, self._claims = "", [], [], []

    def _with_numbers(self, text: str) -> str:
        """The text with our numbers; takes note of who is cited for what."""
        written: list[str] = []
        begun = 0
        for found in markers.SLOPPY.finditer(text):
            documents = markers.named(found["marker"])
            if len(documents) > 1 and not self._is_citation(documents, text[: found.start()]):
                continue
            self._words.append(text[begun : found.start()])
            written.append(text[begun : found.start()])
            begun = found.end()
            for document in filter(self._is_known, documents):
                written.append(f" [{self._number(document)}]")
                self._claim(document)
            if not self._is_known(documents[0]):
                written.append(_instead("".join([*self._said, *written])))
        self._words.append(text[begun:])
        return "".join([*written, text[begun:]])

    def _is_citation(self, documents: Sequence[int], before: str) -> bool:
        """`[1, 2]` is one where all are known, unless the words before it announce numbers."""
        if not all(map(self._is_known, documents)):
            return False
        return not _COUNTS.search("".join([*self._said, before])[-20:])

    def _is_known(self, document: int) -> bool:
        return 1 <= document <= len(self._passages)

    def _number(self, document: int) -> int:
        """The number that readers see."""
        return self._numbers.setdefault(document, len(self._numbers) + 1)

    def _claim(self, document: int) -> None:
        """Markers side by side share their words; one that stands before all words is taken to mean the whole sentence."""
        words = "".join(self._words).strip()
        self._words = []
        self._claims.append((document, words or (self._claims[-1][1] if self._claims else "")))

    def _citation(self, document: int, claim: str) -> Citation:
        return self._spanning(document, *self._attribution.evidence(document, claim or "".join(self._words).strip()))

    def _spanning(self, document: int, start: int, end: int) -> Citation:
        passage = self._passages[document - 1]
        return Citation(
            marker=self._number(document),
            start=passage.chunk.start + start,
            end=passage.chunk.start + end,
            chunk_id=passage.chunk.id,
            collection=passage.collection,
            source=passage.source,
            title=passage.title,
            page=passage.chunk.page,
            date=passage.date,
            cited_text=passage.chunk.text[start:end],
        )


def _instead(before: str) -> str:
    """What must stand in the place of a marker that disappears, mostly nothing: no code may open or close by its going."""
    if _LINE_BEGINS.search(before[-64:]):
        return markers.JOINER
    return " " if _JOINS.search(before[-64:]) else ""

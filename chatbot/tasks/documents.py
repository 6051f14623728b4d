"""Documents of the catalogue as tasks read them: whole, by section, by sentence, with the place of everything in the text."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import groupby
from typing import NamedTuple

from chatbot.errors import UnknownDocument
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.language import sentences
from chatbot.language.prose import is_prose
from chatbot.schema import Chunk, Citation, Document, Passage, Principal

Span = tuple[int, int]


class Manuscript(NamedTuple):
    """A document with its extracted text and its chunks, in order."""

    document: Document
    text: str
    chunks: tuple[Chunk, ...]

    @property
    def name(self) -> str:
        return f"{self.document.collection}/{self.document.source}"

    def sections(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Heading path and text of each run of chunks under the same headings."""
        for headings, run in groupby(self.chunks, key=lambda chunk: chunk.heading_path):
            chunks = list(run)
            yield headings, self.text[chunks[0].start : chunks[-1].end]

    def citation(self, chunk: Chunk, span: Span, marker: int) -> Citation:
        """A citation of exactly these characters of the text."""
        return Citation(
            marker=marker,
            start=span[0],
            end=span[1],
            chunk_id=chunk.id,
            collection=self.document.collection,
            source=self.document.source,
            title=self.document.title,
            page=chunk.page,
            date=self.document.date,
            cited_text=self.text[span[0] : span[1]],
        )

    def passage(self, chunk: Chunk, rank: int) -> Passage:
        """A chunk that was not searched for and so has no scores."""
        document = self.document
        return Passage(
            chunk=chunk,
            collection=document.collection,
            source=document.source,
            title=document.title,
            date=document.date,
            score=1.0,
            dense=0.0,
            lexical=0.0,
            rank=rank,
        )


class Excerpt(NamedTuple):
    """A chunk that something can be asked about."""

    chunk: Chunk
    sentences: tuple[Span, ...]
    """Its sentences of prose, in the document's text."""


def find(catalogue: Catalogue, name: str, principal: Principal) -> Manuscript:
    """The document of that name which the principal may see.

    Raises:
        UnknownDocument: there is none, or more than one.
    """
    found = [each for each in catalogue.documents(name) if each.access in principal.scopes]
    exact = [each for each in found if f"{each.collection}/{each.source}" == name] or found
    if len(exact) == 1:
        return Manuscript(exact[0], catalogue.document_text(exact[0].id), tuple(catalogue.chunks_of(exact[0].id)))
    if exact:
        several = ", ".join(f"{each.collection}/{each.source}" for each in exact)
        raise UnknownDocument(f"several documents are called {name!r}; name one of: {several}")
    known = names(catalogue, principal)
    near = get_close_matches(name, known, 3, 0.4) or known[:3]
    there_are = f"; there are, for example: {', '.join(near)}" if near else "; there are none yet: `chatbot sync PATH` adds some"
    raise UnknownDocument(f"there is no document {name!r}{there_are}")


def names(catalogue: Catalogue, principal: Principal) -> list[str]:
    """`collection/source` of every document that the principal may see."""
    return [f"{each.collection}/{each.source}" for each in catalogue.documents() if each.access in principal.scopes]


def prose(text: str, offset: int = 0) -> list[Span]:
    """Spans of the sentences that people read, without headings, crumbs of tables and lines of code."""
    spans = sentences.split(text)
    return [(offset + start, offset + end) for start, end in spans if is_prose(" ".join(text[start:end].split()))]


def excerpts(manuscript: Manuscript) -> list[Excerpt]:
    """The chunks that have at least one sentence of prose, in order."""
    found = [Excerpt(chunk, tuple(prose(chunk.text, chunk.start))) for chunk in manuscript.chunks]
    return [each for each in found if each.sentences]


def numbered(manuscript: Manuscript, excerpt: Excerpt) -> str:
    """The sentences of an excerpt, one a line, numbered from 1."""
    lines = [" ".join(manuscript.text[start:end].split()) for start, end in excerpt.sentences]
    return "\n".join(f"[{number}] {line}" for number, line in enumerate(lines, 1))


def heading(manuscript: Manuscript, chunk: Chunk) -> str:
    """Title and headings that a chunk stands under."""
    title = manuscript.document.title
    path = chunk.heading_path
    return " > ".join(path if title in path[:1] else (title, *path))

"""Splits a document into chunks with exact character spans, their heading path and page."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from semantic_text_splitter import TextSplitter

from chatbot.knowledge.formats.extracted import Extracted, Heading
from chatbot.schema import Chunk

VERSION = 3
"""Raised whenever the same document would be split or read differently: documents are then read anew."""


class Splitter:
    """Never crosses a heading; inside a section it closes a chunk at the best boundary (paragraph, sentence, word) it can."""

    def __init__(self, tokenizer_file: Path, min_tokens: int, max_tokens: int) -> None:
        self._splitter = TextSplitter.from_huggingface_tokenizer_file(str(tokenizer_file), (min_tokens, max_tokens))
        self.recipe = f"v{VERSION} {min_tokens}-{max_tokens}"
        """Names everything that decides how a document is split."""

    def split(self, document_id: str, document: Extracted) -> list[Chunk]:
        """Chunks in reading order; `document.text[chunk.start:chunk.end] == chunk.text`."""
        chunks: list[Chunk] = []
        for path, start, end in _sections(document):
            for offset, text in self._splitter.chunk_indices(document.text[start:end]):
                place = start + offset
                chunks.append(
                    Chunk(
                        id=_chunk_id(document_id, place, text),
                        document_id=document_id,
                        heading_path=path,
                        text=text,
                        start=place,
                        end=place + len(text),
                        page=bisect_right(document.page_starts, place) or None,
                    )
                )
        return chunks


def embedded_text(title: str, chunk: Chunk) -> str:
    """What is indexed for a chunk: its title and headings in front, so that it is found by what its section is about."""
    headings = chunk.heading_path if title in chunk.heading_path[:1] else (title, *chunk.heading_path)
    return f"{' > '.join(headings)}\n{chunk.text}"


def embedded_hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _chunk_id(document_id: str, start: int, text: str) -> str:
    return hashlib.blake2b(f"{document_id}\0{start}\0{text}".encode(), digest_size=16).hexdigest()


def _sections(document: Extracted) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Heading path, start and end of each run of text between two headings."""
    headings = document.headings
    first = headings[0].start if headings else len(document.text)
    if first:
        yield (), 0, first
    path: list[Heading] = []
    for heading, following in zip_longest(headings, headings[1:]):
        path = [*(each for each in path if each.level < heading.level), heading]
        start, end = heading.start + len(heading.text), following.start if following else len(document.text)
        if document.text[start:end].strip():
            yield tuple(each.text for each in path), start, end
        elif not following or following.level <= heading.level:
            # nothing stands under it: its own words are all there is to find
            yield tuple(each.text for each in path[:-1]), heading.start, start

"""Splits a document into chunks with exact character spans, their heading path and page."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.knowledge.formats.extracted import Extracted, Heading
from chatbot.knowledge.reading.token_counts import counter
from chatbot.schema import Chunk

if TYPE_CHECKING:
    from semantic_text_splitter import TextSplitter
    from tokenizers import Tokenizer

VERSION = 5
"""Raised whenever the same document would be split differently: documents are then split anew, from the catalogue."""

_MAX_CHARS_PER_TOKEN = 16
"""Prose has four or five; a word without an end can be a single token of a million characters."""
_STEP = 16
_LONG_LINE = 1_000
"""Characters; what is shorter cannot cost much time."""
_MOST_CHARS = 4_000
_MOST_CHUNKS = 4
"""The splitter's time grows with the square of a line without boundaries. It is given no more than so much of one at once; the
longest paragraphs of prose are shorter."""
_MOST_AT_ONCE = 65_536
"""Characters that the splitter is given: while it runs, no Ctrl+C is heard."""
_BOUNDARIES = (
    re.compile(r".*[.!?…][\"')\]»”’]*\s", re.DOTALL),
    re.compile(r".*[。！？]", re.DOTALL),
    re.compile(r".*\s", re.DOTALL),
)
"""Up to the last place to cut, the best first: sentences, those of a script without spaces, words."""


class Splitter:
    """Never crosses a heading; inside a section it closes a chunk at the best boundary (paragraph, sentence, word) it can.

    A chunk is as short as its headings demand: what is embedded is both, and the encoder reads no further than its own limit.
    """

    def __init__(self, tokenizer_file: Path, min_tokens: int, max_tokens: int, encoder_tokens: int) -> None:
        """`encoder_tokens` is all the encoder reads of a text, its special tokens included."""
        self._file = str(tokenizer_file)
        self._bounds = (min_tokens, max_tokens)
        self._encoder_tokens = encoder_tokens
        self._splitters: dict[int, TextSplitter] = {}
        self._most_chars = max_tokens * _MAX_CHARS_PER_TOKEN
        digest = hashlib.blake2b(tokenizer_file.read_bytes(), digest_size=4).hexdigest()
        self.recipe = f"v{VERSION} {min_tokens}-{max_tokens} of {encoder_tokens} {digest}"
        """Names everything that decides how a document is split."""

    def split(self, document_id: str, document: Extracted, check: Callable[[], None] = lambda: None) -> list[Chunk]:
        """Chunks in reading order; `document.text[chunk.start:chunk.end] == chunk.text`.

        `check` is called before each chunk: a large text takes minutes, and who is tired of them raises from there.
        """
        chunks: list[Chunk] = []
        for path, start, end in _sections(document):
            for place, text in self._pieces(_headings(document.title, path), document.text[start:end]):
                check()
                place += start
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

    def _pieces(self, headings: str, section: str) -> Iterator[tuple[int, str]]:
        """Start and text of each chunk of a section."""
        splitter = self._splitter(headings)
        for begin, end in self._bounded(section):
            for start, text in splitter.chunk_indices(section[begin:end]):
                for offset, piece in _cut(text, self._most_chars):
                    yield begin + start + offset, piece

    def _bounded(self, section: str) -> Iterator[tuple[int, int]]:
        """Start and end of runs of lines, together the whole section; a line that is too long becomes several."""
        start = end = 0
        for line in section.splitlines(keepends=True):
            ends = self._ends(line) if len(line) > _LONG_LINE else []
            if len(ends) > 1:
                if start < end:
                    yield start, end
                yield from ((end + one, end + another) for one, another in pairwise([0, *ends]))
                start = end + len(line)
            end += len(line)
            if end - start > _MOST_AT_ONCE:
                yield start, end
                start = end
        if start < end:
            yield start, end

    def _ends(self, line: str) -> list[int]:
        """Where the runs of a line end."""
        ends = [0]
        while (start := ends[-1]) < len(line):
            stop = min(start + _MOST_CHARS, len(line))
            if stop < len(line):
                stop = start + _best_end(line[start:stop])
            tokens = self._tokenizer.encode(line[start:stop], add_special_tokens=False).offsets
            starts = [start + token[0] for token in tokens]
            while (over := bisect_left(starts, ends[-1]) + self._bounds[1] * _MOST_CHUNKS) < len(starts):
                # a single character may be more tokens than that
                ends.append(ends[-1] + max(1, _best_end(line[ends[-1] : starts[over]])))
            ends.append(stop)
        return ends[1:]

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        # read when there is something to split: a sync that finds nothing new asks for the recipe alone
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(self._file)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _count(self) -> Callable[[str], int]:
        return counter(self._tokenizer)

    @cached_property
    def _room(self) -> int:
        return self._encoder_tokens - self._tokenizer.num_special_tokens_to_add(False)

    def _splitter(self, headings: str) -> TextSplitter:
        """The splitter for what the headings leave of the encoder's tokens: at least half, whatever they take."""
        least, most = self._bounds
        left = self._room - len(self._tokenizer.encode(headings, add_special_tokens=False).ids)
        if left < most:
            # in steps, so that there are few splitters
            most = min(most, max(left // _STEP * _STEP, self._room // 2))
        if most not in self._splitters:
            from semantic_text_splitter import TextSplitter

            self._splitters[most] = TextSplitter.from_callback(self._count, (min(least, most), most))
        return self._splitters[most]


def embedded_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """What is indexed for a chunk: its title and headings in front, so that it is found by what its section is about."""
    return f"{_headings(title, heading_path)}\n{text}"


def embedded_hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _headings(title: str, path: Sequence[str]) -> str:
    return " > ".join(path if title in path[:1] else [title, *path])


def _best_end(text: str) -> int:
    """Where to cut a text in two, in its second half."""
    half = len(text) // 2
    found = (boundary.match(text, half) for boundary in _BOUNDARIES)
    return next((match.end() for match in found if match), len(text))


def _cut(text: str, most: int) -> Iterator[tuple[int, str]]:
    """Start and text of pieces of at most so many characters, cut between words where there are any."""
    start = 0
    while start < len(text):
        end = start + most
        if end < len(text):
            end = text.rfind(" ", start + 1, end) + 1 or end
        piece = text[start:end]
        if kept := piece.strip():
            yield start + piece.index(kept), kept
        start = end


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

"""Documents to read: plain text of about nine thousand characters each, from real documents or made up from a seed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from chatbot.errors import ChatbotError
from chatbot.knowledge.reading import reader
from chatbot.knowledge.sources import collections

_CHARACTERS = 9_000
"""Mean of the documentation of Python, PostgreSQL and Linux: 17.35 MB in 2,000 documents."""
_VOCABULARY = 20_000


def documents(work: Path, sources: Sequence[Path], count: int, seed: int = 1) -> Path:
    """A folder of `count` documents, made once; where `sources` hold fewer, they come again under other names: other titles."""
    folder = work / f"{'real' if sources else 'made'}-{count}-{seed}"
    if not folder.exists():
        building = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        for number, text in enumerate(islice(_texts(sources, seed), count)):
            # a folder of a hundred thousand files is slow to list
            place = building / f"{number // 1000:03}"
            place.mkdir(exist_ok=True)
            (place / f"{_name(text)} {number}.txt").write_text(text, encoding="utf-8")
        building.rename(folder)
    return folder


def _texts(sources: Sequence[Path], seed: int) -> Iterator[str]:
    if not sources:
        yield from _made_up(random.Random(seed))
    files = [path for source in sources for path in collections.walk(source.resolve()).files if reader.supported(path.name)]
    random.Random(seed).shuffle(files)
    known: list[str] = []
    for file in files:
        try:
            text = reader.read(file.name, file.read_bytes()).text
        except (ChatbotError, OSError):
            continue  # an index page without text, for one
        for page in _pages(text):
            known.append(page)
            yield page
    while known:
        yield from known


def _pages(text: str) -> Iterator[str]:
    """A text cut between paragraphs."""
    page: list[str] = []
    for paragraph in text.split("\n\n"):
        page.append(paragraph)
        if sum(map(len, page)) >= _CHARACTERS:
            yield "\n\n".join(page)
            page = []
    if sum(map(len, page)) >= _CHARACTERS // 4:
        yield "\n\n".join(page)


def _made_up(moments: random.Random) -> Iterator[str]:
    """Sentences of made-up words, which are as unevenly common as real ones (Zipf's law)."""
    letters = "etaoinshrdlu"
    vocabulary = ["".join(moments.choices(letters, k=moments.randint(2, 9))) for _ in range(_VOCABULARY)]
    weights = [1 / rank for rank in range(1, _VOCABULARY + 1)]

    def sentence() -> str:
        return " ".join(moments.choices(vocabulary, weights, k=moments.randint(6, 24))).capitalize() + "."

    while True:
        yield "\n\n".join(" ".join(sentence() for _ in range(5)) for _ in range(_CHARACTERS // 450))


def _name(text: str) -> str:
    return "".join(letter if letter.isalnum() else " " for letter in text[:40]).strip() or "untitled"

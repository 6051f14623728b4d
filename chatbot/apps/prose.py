"""Words of an answer as HTML: all text escaped, and its markers as chips that open their source."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from chatbot import markers
from chatbot.schema import Citation

_LAST_WORD = re.compile(r"(?<!\S)\S{1,19}\Z")
_KEPT_CHIPS = 3
"""How many chips stay on the line of the word before them; a narrow screen must hold them."""

_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029])
_ENTITIES = str.maketrans(
    {**_CONTROLS, ord("\n"): "&#10;", ord("\t"): " ", **{ord(mark): f"&#{ord(mark)};" for mark in string.punctuation}}
)


def escape(text: str) -> str:
    """Text that neither HTML nor Markdown nor LaTeX can read anything into: all ASCII punctuation becomes entities."""
    return text.translate(_ENTITIES)


def paragraphs(escaped: str) -> str:
    """A paragraph for each stretch between blank lines."""
    return "".join(f"<p>{paragraph}</p>" for paragraph in escaped.split("&#10;&#10;") if paragraph.strip())


def plain(text: str, before: int, citations: Sequence[Citation]) -> str:
    """Escaped text; the k-th marker of the answer, of which `before` stand before this text, becomes the k-th citation's chip."""
    html, begun = list[str](), 0
    run: list[str] = []
    for number, found in enumerate(markers.found(text), before):
        if not run or begun != found.start():
            html += [*_spread(run), _with_last_word(text[begun : found.start()])]
            run = []
        run.append(chip(number, found["number"], citations))
        begun = found.end()
    return "".join([*html, *_spread(run), escape(text[begun:])])


def _with_last_word(text: str) -> str:
    found = _LAST_WORD.search(text)
    word = found.group() if found else ""
    return f'{escape(text.removesuffix(word))}<span class="kept">{escape(word)}'


def _spread(run: Sequence[str]) -> list[str]:
    """The chips behind a word, whose element is still open."""
    return [*run[:_KEPT_CHIPS], "</span>", *run[_KEPT_CHIPS:]] if run else []


def kept(word: str, chips: Sequence[str]) -> str:
    """A word, already escaped, and the chips behind it."""
    return f'<span class="kept">{word}{"".join(_spread(chips))}'


def chip(number: int, marker: str, citations: Sequence[Citation]) -> str:
    """The button for a citation; until that is known, its number."""
    shown = f'<span class="bracket">&#91;</span>{marker}<span class="bracket">&#93;</span>'
    citation = citations[number] if number < len(citations) else None
    if citation is None or str(citation.marker) != marker:
        return f'<span class="citation">{shown}</span>'
    title = citation.title or citation.source
    label = f"Source {marker}: {title}{on_page(citation.page)}: “{shortened(citation.cited_text, 60)}”"
    return f'<button type="button" class="citation" data-evidence="{number}" aria-label="{escape(label)}">{shown}</button>'


def on_page(number: int | None) -> str:
    """Where the format has pages."""
    return f", page {number}" if number else ""


def shortened(text: str, limit: int = 140) -> str:
    """The beginning of a text on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[:limit].rsplit(" ", 1)[0] + " …"

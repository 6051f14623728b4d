"""Markdown, by the CommonMark specification with tables, read through HTML so that both have one way into text."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.html import from_markup
from chatbot.knowledge.formats.plain import decode

_FRONT_MATTER = re.compile(r"\A---\n(?=[^\n:]+:).*?\n(?:---|\.\.\.)\n", re.DOTALL)
_OPTIONS = {"maxNesting": 100}  # what lies deeper is dropped without a word, and the preset's 20 are ten lists


def extract(raw: bytes) -> Extracted:
    """Read a page; YAML front matter is left out."""
    source = _FRONT_MATTER.sub("", decode(raw))
    return from_markup(f"<body>{MarkdownIt('commonmark', _OPTIONS).enable('table').render(source)}</body>")

"""Markdown, by the CommonMark specification with tables, read through HTML so that both have one way into text."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.html import from_markup
from chatbot.knowledge.formats.plain import decode

_FRONT_MATTER = re.compile(r"\A---\n.*?\n(?:---|\.\.\.)\n", re.DOTALL)


def extract(raw: bytes) -> Extracted:
    """Read a page; YAML front matter is left out."""
    source = _FRONT_MATTER.sub("", decode(raw))
    return from_markup(f"<body>{MarkdownIt('commonmark').enable('table').render(source)}</body>")

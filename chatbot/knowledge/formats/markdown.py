"""Markdown, by the CommonMark specification with tables, read through HTML so that both have one way into text."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.html import from_markup
from chatbot.knowledge.formats.plain import decode

# Front matter is lines of YAML and begins with a key, which people write small: "Note: ..." between two rules is their text.
_FRONT_MATTER = re.compile(
    r"""
    \A---[ \t]*\n
    (?=[a-z])
    (?:
        (?: [\w.-]+:(?:[ \t][^\n]*)?     # key: value
          | -[ \t][^\n]*                 # an item of a list
          | [ \t\#\]}][^\n]*             # what goes on from the line above; a comment
        )?\n
    )+?
    (?:---|\.\.\.)[ \t]*(?:\n|\Z)
    """,
    re.VERBOSE,
)
_OPTIONS = {"maxNesting": 100}  # what lies deeper is dropped without a word, and the preset's 20 are ten lists


def extract(raw: bytes) -> Extracted:
    """Read a page; YAML front matter is left out."""
    source = _FRONT_MATTER.sub("", decode(raw))
    return from_markup(f"<body>{MarkdownIt('commonmark', _OPTIONS).enable('table').render(source)}</body>")

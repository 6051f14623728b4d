"""Markdown, by the CommonMark specification with tables, read through HTML so that both have one way into text."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from chatbot.knowledge.formats.dates import first_day
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
_DATE = re.compile(
    r"^(?P<key>updated|lastmod|modified|last_modified|date):[ \t]*(?P<value>[^\n]*)$", re.MULTILINE | re.IGNORECASE
)
_OPTIONS = {"maxNesting": 100}  # what lies deeper is dropped without a word, and the preset's 20 are ten lists

_MAX_BRACKETS = 1_000
_MAX_UNCLOSED = 100
"""Brackets in one paragraph; for each the parser may look for the end of a link through all the rest of it."""
_MAX_STARS = 5_000
"""Stars and underscores in one paragraph; for each it may look for its opening one through all before it."""


def extract(raw: bytes) -> Extracted:
    """Read a page; of YAML front matter only a date is taken."""
    source = decode(raw)
    front = _FRONT_MATTER.match(source)
    source = source[front.end() :] if front else source
    parser = MarkdownIt("commonmark", _OPTIONS).enable("table")
    parser.core.ruler.at("inline", _inline)
    document = from_markup(f"<body>{parser.render(source)}</body>")
    return document.model_copy(update={"date": _date(front.group())}) if front else document


def _date(front: str) -> str:
    said = {found["key"].lower(): found["value"].strip("\"' ") for found in _DATE.finditer(front)}
    return first_day(said.get(key) for key in ("updated", "lastmod", "modified", "last_modified", "date"))


def _inline(state: StateCore) -> None:
    """As the parser's own rule, but what is all brackets or stars is left as it is written."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = []
        opened = token.content.count("[")
        stars = token.content.count("*") + token.content.count("_")
        if opened > _MAX_BRACKETS or opened - token.content.count("]") > _MAX_UNCLOSED or stars > _MAX_STARS:
            token.children.append(Token("text", "", 0, content=token.content))
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)

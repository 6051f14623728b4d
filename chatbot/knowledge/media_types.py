"""What a web server says of a page's kind, as the suffix that names its format."""

from __future__ import annotations

from chatbot import registry
from chatbot.errors import DocumentRefused
from chatbot.knowledge.reader import suffix_of

_SUFFIXES = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "md",
    "text/x-markdown": "md",
    "text/plain": "txt",
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}
_SAY_NOTHING = {"", "application/octet-stream", "binary/octet-stream", "application/x-download", "application/force-download"}
_OTHER_NAMES = {"htm", "markdown", "text"}
_PLAIN_TOO = {"md", "markdown", "text"}
"""Suffixes that many servers send as text/plain."""


def suffix(content_type: str, path: str) -> str:
    """The suffix of a registered format, without the dot. `path` decides where the type says nothing.

    Raises:
        DocumentRefused: no format reads this.
    """
    kind = content_type.partition(";")[0].strip().lower()
    named = suffix_of(path)
    formats = registry.names("chatbot.formats")
    if kind == "text/plain" and named in _PLAIN_TOO and named in formats:
        return named
    found = _SUFFIXES.get(kind, "")
    if not found and named in formats and (kind in _SAY_NOTHING or named not in {*_SUFFIXES.values(), *_OTHER_NAMES}):
        # a type that is not listed here, under a suffix that somebody else's format reads
        found = named
    if found not in formats:
        said = repr(kind) if kind else "nothing"
        raise DocumentRefused(f"the server says it is {said}, which no format reads; there are: {', '.join(formats)}")
    return found

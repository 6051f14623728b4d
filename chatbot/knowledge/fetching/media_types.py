"""What a web server says of a page's kind, as the suffix that names its format."""

from __future__ import annotations

from chatbot import registry
from chatbot.errors import DocumentRefused
from chatbot.knowledge.reading.reader import suffix_of

_SUFFIXES = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "md",
    "text/x-markdown": "md",
    "text/plain": "txt",
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/msword": "doc",
    "application/rtf": "rtf",
    "text/rtf": "rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "ndjson",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/rss+xml": "xml",
    "application/atom+xml": "xml",
    "text/x-rst": "rst",
    "application/epub+zip": "epub",
    "message/rfc822": "eml",
    "application/zip": "zip",
    "application/gzip": "gz",
    "application/x-gzip": "gz",
    "application/x-bzip2": "bz2",
}
_SAY_NOTHING = {"", "application/octet-stream", "binary/octet-stream", "application/x-download", "application/force-download"}
_OTHER_NAMES = {"htm", "markdown", "text"}
_WIDE = {
    "text/plain": {"md", "markdown", "text", "csv", "tsv", "rst", "json", "jsonl", "ndjson"},
    "application/json": {"jsonl", "ndjson"},
    "application/zip": {"docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"},
}
"""Types under which many servers send more than one format: of these, the suffix is believed."""


def suffix(content_type: str, path: str) -> str:
    """The suffix of a registered format, without the dot. `path` decides where the type says nothing.

    Raises:
        DocumentRefused: no format reads this.
    """
    kind = content_type.partition(";")[0].strip().lower()
    named = suffix_of(path)
    formats = registry.names("chatbot.formats")
    if named in _WIDE.get(kind, ()) and named in formats:
        return named
    found = _SUFFIXES.get(kind, "")
    if not found and named in formats and (kind in _SAY_NOTHING or named not in {*_SUFFIXES.values(), *_OTHER_NAMES}):
        # a type that is not listed here, under a suffix that somebody else's format reads
        found = named
    if found not in formats:
        said = repr(kind) if kind else "nothing"
        raise DocumentRefused(f"the server says it is {said}, which no format reads; there are: {', '.join(formats)}")
    return found

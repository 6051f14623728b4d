"""What a web page itself marks as not its content: navigation, hidden parts, controls, all outside of its main part.

By the standard library's parser, so that the product's own is not asked about itself.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_NO_CONTENT = {
    "nav",
    "script",
    "style",
    "template",
    "noscript",
    "button",
    "label",
    "select",
    "textarea",
    "title",
    "svg",
    "iframe",
}
_MAIN = re.compile(r"<main\b|role=[\"']?main", re.IGNORECASE)


def text(markup: str) -> str:
    """Its words."""
    reader = _Reader(bool(_MAIN.search(markup)))
    reader.feed(markup)
    return "\n".join(reader.found)


class _Reader(HTMLParser):
    def __init__(self, has_main: bool) -> None:
        super().__init__()
        self.found: list[str] = []
        self._has_main = has_main
        self._open: list[tuple[str, bool, bool]] = []
        """Elements around this place: name, whether it is no content, whether it is the main part."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        said = dict(attrs)
        hidden = "hidden" in said or said.get("aria-hidden") == "true" or said.get("role") == "navigation"
        self._open.append((tag, hidden or tag in _NO_CONTENT, tag == "main" or said.get("role") == "main"))

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _, _ in self._open]
        if tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        outside = self._has_main and not any(main for _, _, main in self._open)
        if outside or any(aside for _, aside, _ in self._open):
            self.found.append(data)

"""HTML, by selectolax (a browser-grade parser): menus and hidden parts left out, tables as rows that keep their headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.plain import decode

_NOISE = "script, style, template, noscript, svg, nav, iframe, form, button, [hidden], [aria-hidden=true], [role=navigation]"
_SPACE = re.compile(r"\s+")
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "figcaption", "figure",
    "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_MAX_DEPTH = 500


def extract(raw: bytes) -> Extracted:
    """Read a page."""
    return from_markup(decode(raw))


def from_markup(markup: str) -> Extracted:
    """Read HTML that other formats were converted to."""
    tree = LexborHTMLParser(markup)
    title = tree.css_first("title")
    for node in tree.css(_NOISE):
        node.decompose()
    roots = tree.css("main, [role=main]") or tree.css("article") or ([tree.body] if tree.body else [])
    builder = TextBuilder()
    for root in roots[:1] if len(roots) == 1 else roots:
        _walk(root, builder, 0)
    return builder.build(_inline(title.text()) if title else "")


def _walk(node: LexborNode, builder: TextBuilder, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise DocumentRefused(f"nested more than {_MAX_DEPTH} levels deep")
    run: list[str] = []
    for child in node.iter(include_text=True):
        if child.tag not in _BLOCKS and not _holds_blocks(child):
            run.append("\n" if child.tag == "br" else child.text(deep=True))
            continue
        _flush(run, builder)
        _block(child, builder, depth)
    _flush(run, builder)


def _block(node: LexborNode, builder: TextBuilder, depth: int) -> None:
    tag = node.tag or ""
    if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        builder.heading(int(tag[1]), _inline(node.text(deep=True)).rstrip("¶#").strip())
    elif tag == "pre":
        builder.block(node.text(deep=True))
    elif tag == "table":
        for row in _rows(node):
            builder.block(f"- {row}", "\n")
    elif tag in {"li", "dt"} and not _holds_blocks(node):
        text = _inline(node.text(deep=True))
        builder.block(f"- {text}" if text else "", "\n")
    else:
        _walk(node, builder, depth + 1)


def _flush(run: list[str], builder: TextBuilder) -> None:
    text = _inline("".join(run))
    run.clear()
    if text:
        builder.block(text)


def _holds_blocks(node: LexborNode) -> bool:
    if node.tag in {"-text", "_comment"}:
        return False
    return any(child.tag in _BLOCKS for child in node.traverse() if child.mem_id != node.mem_id)


def _rows(table: LexborNode) -> Iterator[str]:
    """Each row as "header: cell; header: cell", so that a row quoted alone still says what its numbers are."""
    headers: list[str] = []
    for row in table.css("tr"):
        cells = [_inline(cell.text(deep=True)) for cell in row.iter() if cell.tag in {"td", "th"}]
        if not any(cells):
            continue
        if not headers and all(cell.tag == "th" for cell in row.iter()):
            headers = cells
        elif headers:
            yield "; ".join(f"{header}: {cell}" if header else cell for header, cell in _pairs(headers, cells) if cell)
        else:
            yield "; ".join(filter(None, cells))


def _pairs(headers: list[str], cells: list[str]) -> Iterator[tuple[str, str]]:
    for index, cell in enumerate(cells):
        yield headers[index] if index < len(headers) else "", cell


def _inline(text: str) -> str:
    return _SPACE.sub(" ", text).strip()

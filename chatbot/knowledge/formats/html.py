"""HTML, by selectolax (a browser-grade parser): menus and hidden parts left out, tables as rows that keep their headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.plain import decode

_NOISE = (
    "script, style, template, noscript, svg, nav, iframe, button, label, select, textarea, "
    "[hidden], [aria-hidden=true], [role=navigation]"
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "figcaption", "figure",
    "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_DATES = ("article:modified_time", "og:updated_time", "datemodified", "last-modified", "dcterms.modified",
          "article:published_time", "datepublished", "date", "dc.date", "dcterms.date", "dcterms.created")  # fmt: skip
"""Names of the elements `meta` that tell a page's last change, then of those that tell when it came out."""
_MAX_DEPTH = 300
"""Each level costs two frames of Python's stack, which holds a thousand."""
_TABLE_DEPTH = 4
"""What a table inside a cell costs: more frames than a block inside a block."""
_NESTING = re.compile(
    r"<(/?)(?:address|applet|article|aside|blockquote|center|details|dialog|dir|div|dl|fieldset|figcaption|figure|footer|form|header|"
    r"hgroup|listing|main|marquee|menu|nav|object|ol|search|section|summary|table|template|ul)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(r"<(?:(dd|dt)|(li))\b|</(?:dl|ul|ol|menu|dd|dt|li)\b", re.IGNORECASE)
"""An item of one kind of list opens inside one of the other; most pages leave it to the parser to close them."""
_MAX_OPEN = 2_000
"""The parser's time grows with the square of the blocks that are open at once."""
_LONG_TAG = re.compile(r"""<[a-z](?:"[^"]*"|'[^']*'|[^<>"']){4000,}""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""[\s/][^\s"'=<>/]""")
_QUOTED = re.compile(r"""("|').*?\1""", re.DOTALL)
_MAX_ATTRIBUTES = 4_000
"""Here too the parser's time grows with the square."""
_MAX_SPAN = 1_000
_MAX_COLUMNS = 100_000
"""What the spans of a page may add to it; those beyond count as one column."""
_PERMALINK = re.compile(r"(?:\s?¶|\s#+)+$")
"""What documentation tools hang behind a heading; the sharp of "C#" stands at a word."""


def extract(raw: bytes) -> Extracted:
    """Read a page.

    Raises:
        DocumentRefused: no text, or nested too deeply.
    """
    declared = _CHARSET.search(raw[:2048])
    return _read(decode(raw, declared[1].decode("ascii") if declared else ""), main_only=True)


def from_markup(markup: str) -> Extracted:
    """Read all of the HTML that another format was converted to."""
    return _read(markup, main_only=False)


def _read(markup: str, main_only: bool) -> Extracted:
    _check_nesting(markup)
    _check_attributes(markup)
    tree = LexborHTMLParser(markup)
    title = tree.css_first("title")
    dates = _dates(tree)
    for node in tree.css(_NOISE):
        node.decompose()
    for node in tree.css("br"):
        node.replace_with("\n")
    main = (tree.css("main, [role=main]") or tree.css("article")) if main_only else []
    roots = main or ([tree.body] if tree.body else [])
    reader = _Reader(tree)
    for root in _outermost(roots):
        reader.walk(root, 0)
    return reader.builder.build(_inline(title.text()) if title else "", dates=dates)


def _dates(tree: LexborHTMLParser) -> list[str | None]:
    """As its head has them, in the order of `_DATES`."""
    said: dict[str, str | None] = {}
    for node in tree.css("meta"):
        name = node.attributes.get("name") or node.attributes.get("property") or node.attributes.get("itemprop") or ""
        said.setdefault(name.lower(), node.attributes.get("content"))
    return [said.get(name) for name in _DATES]


class _Reader:
    """Walks one tree into one builder."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self.builder = TextBuilder()
        self._columns = _MAX_COLUMNS
        self._holders: set[int] = set()
        """Nodes with a block somewhere inside."""
        for block in tree.css(", ".join(sorted(_BLOCKS))):
            holder = block.parent
            while holder is not None and holder.mem_id not in self._holders:
                self._holders.add(holder.mem_id)
                holder = holder.parent

    def walk(self, node: LexborNode, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise DocumentRefused(f"nested more than {_MAX_DEPTH} levels deep")
        run: list[str] = []
        for child in node.iter(include_text=True):
            if child.tag in _BLOCKS or child.mem_id in self._holders:
                self._flush(run)
                self._block(child, depth)
            elif child.tag != "_comment":
                run.append(child.text(deep=True))
        self._flush(run)

    def _block(self, node: LexborNode, depth: int) -> None:
        tag = node.tag or ""
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.builder.heading(int(tag[1]), _PERMALINK.sub("", self._line(node, depth)))
        elif tag == "pre":
            self.builder.block(node.text(deep=True))
        elif tag == "table":
            self._table(node, depth)
        elif tag in {"li", "dt"} and node.mem_id not in self._holders:
            text = _inline(node.text(deep=True))
            self.builder.block(f"- {text}" if text else "", "\n")
        else:
            self.walk(node, depth + 1)

    def _table(self, table: LexborNode, depth: int) -> None:
        for part in table.iter():
            if part.tag == "caption":
                self.builder.block(self._line(part, depth))
        self._rows(table, depth)

    def _rows(self, table: LexborNode, depth: int) -> None:
        headers: list[str] = []
        bare = True
        # below a cell that spans rows the columns are not counted from the left, and a wrong header is worse than none
        spans_rows = table.css_first("[rowspan]") is not None
        for row in _own_rows(table):
            cells = self._cells(row, depth)
            if not any(cells):
                continue
            if not headers and not any(cell.tag == "td" for cell in row.iter()):
                headers = cells
                continue
            bare = False
            self.builder.row(cells, () if spans_rows and len(cells) != len(headers) else headers)
        if bare:
            self.builder.row(headers)

    def _cells(self, row: LexborNode, depth: int) -> list[str]:
        """One text a column; a cell that spans several stands in the first of them."""
        texts: list[str] = []
        for cell in row.iter():
            if cell.tag in {"td", "th"}:
                span = cell.attributes.get("colspan") or "1"
                # nine digits are more than any span, and int() refuses thousands of them
                empty = min(int(span[:9]), _MAX_SPAN) - 1 if span.isdecimal() else 0
                empty = min(empty, self._columns)
                self._columns -= empty
                texts += [self._line(cell, depth), *[""] * empty]
        return texts

    def _line(self, node: LexborNode, depth: int) -> str:
        """Everything inside as one line, its paragraphs set apart by a space."""
        if node.mem_id not in self._holders:
            return _inline(node.text(deep=True))
        outside, self.builder = self.builder, TextBuilder()
        self.walk(node, depth + _TABLE_DEPTH)
        inside, self.builder = self.builder, outside
        return _inline(inside.build().text)

    def _flush(self, run: list[str]) -> None:
        text = _inline("".join(run))
        run.clear()
        if text:
            self.builder.block(text)


def _outermost(roots: list[LexborNode]) -> Iterator[LexborNode]:
    """Those that lie in no other one: what they hold is read once."""
    ids = {root.mem_id for root in roots}
    for root in roots:
        around = root.parent
        while around is not None and around.mem_id not in ids:
            around = around.parent
        if around is None:
            yield root


def _check_nesting(markup: str) -> None:
    open_blocks = 0
    for tag in _NESTING.finditer(markup):
        open_blocks = max(0, open_blocks - 1) if tag[1] else open_blocks + 1
        if open_blocks > _MAX_OPEN:
            raise DocumentRefused(f"nested more than {_MAX_DEPTH} levels deep")
    kind, switches = 0, 0
    for item in _ITEM.finditer(markup):
        opened = item.lastindex or 0
        switches = switches + (opened != kind) if opened else max(0, switches - 1)
        kind = opened or kind
        if switches > _MAX_OPEN:
            raise DocumentRefused(f"nested more than {_MAX_DEPTH} levels deep")


def _check_attributes(markup: str) -> None:
    for tag in _LONG_TAG.finditer(markup):
        if len(_ATTRIBUTE.findall(_QUOTED.sub(" ", tag[0]))) > _MAX_ATTRIBUTES:
            raise DocumentRefused(f"has a tag of more than {_MAX_ATTRIBUTES:,} attributes")


def _own_rows(table: LexborNode) -> Iterator[LexborNode]:
    """Rows of this table; those of a table inside a cell are part of that cell's text."""
    for part in table.iter():
        if part.tag == "tr":
            yield part
        elif part.tag in {"thead", "tbody", "tfoot"}:
            yield from (row for row in part.iter() if row.tag == "tr")


def _inline(text: str) -> str:
    return _SPACE.sub(" ", text).strip()

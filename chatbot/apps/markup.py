"""An answer's Markdown as HTML: what is not listed here does not reach the page, and no image is ever loaded.

Markers and marked sentences travel through the parser as private characters, which are dropped from the answer first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from chatbot import markers
from chatbot.apps.prose import escape, kept

_PRIVATE = re.compile("[\ue000-\ue00f]")
_MARKER = "⸨\ue000{}\ue001⸩"
"""Punctuation on both sides, as brackets are: emphasis ends before it as before a marker."""
_BEGIN, _END, _SAID, _CLOSE = "\ue002", "\ue003", "\ue004", "\ue005"
"""Of a mark in the text; in the HTML, where its element begins, where what is said of it stands, and where an element ends."""

_CHIPS = re.compile("((?:[^\\s<>&;⸨⸩\ue000-\ue00f]|&#\\d+;){0,19})((?: ?⸨\ue000\\d+\ue001⸩)+)")
_NUMBER = re.compile("\ue000(\\d+)\ue001")
_TURN = re.compile(f"({_BEGIN}\\d+\ue006|{_END})")
_MARK = re.compile(f"[{_BEGIN}{_SAID}]\\d+\ue006|{_CLOSE}")
_NOT_WORDS = re.compile(r"\]\([^)\n]*\)|<[^>\n]*>|&#?\w+;")
_WORD = re.compile(r"[^\W_]")
_BLOCK_BEGINS = re.compile(r"\n[ \t]*\n+(?=[^\s\-*+•>|\d])")
_WEB = re.compile(r"https?://", re.IGNORECASE)

_PLAIN_TAGS = {
    **{f"{name}_open": f"<{tag}>" for name, tag in (("em", "em"), ("strong", "strong"), ("s", "s"))},
    **{f"{name}_close": f"</{tag}>" for name, tag in (("em", "em"), ("strong", "strong"), ("s", "s"))},
    "bullet_list_open": "<ul>",
    "bullet_list_close": "</ul>",
    "ordered_list_close": "</ol>",
    "list_item_open": "<li>",
    "list_item_close": "</li>",
    "blockquote_open": "<blockquote>",
    "blockquote_close": "</blockquote>",
    "thead_open": "<thead>",
    "thead_close": "</thead>",
    "tbody_open": "<tbody>",
    "tbody_close": "</tbody>",
    "tr_open": "<tr>",
    "tr_close": "</tr>",
    "th_close": "</th>",
    "td_close": "</td>",
    "table_open": '<div class="table" role="region" aria-label="Table" tabindex="0"><table>',
    "table_close": "</table></div>",
    "hr": "<hr>",
    "hardbreak": "<br>",
    "softbreak": "&#10;",
}
_ENDS_MARK = {"paragraph_close", "heading_close", "tr_close"}


class Mark(NamedTuple):
    """A stretch of the answer, and what is to be said of it."""

    start: int
    end: int
    reason: str


def markdown(text: str, chip: Callable[[int, str], str], marks: Sequence[Mark] = (), growing: bool = False) -> str:
    """HTML on one line; `chip` gives that of the k-th marker, from 0, by k and its number.

    What is open at the end of a growing text is shown closed, so that it looks the same when its end comes.
    """
    text = _PRIVATE.sub(" ", text)
    numbers = [found["number"] for found in markers.found(text)]
    text = _with_private(text, marks)
    html = "".join(_block(block) for block in _blocks(_closed(text) if growing else text))

    def chips(found: re.Match[str]) -> str:
        return kept(found.group(1), [chip(int(k), numbers[int(k)]) for k in _NUMBER.findall(found.group(2))])

    html = _CHIPS.sub(chips, html)
    return _MARK.sub(lambda found: _mark(found.group(), marks), html)


def _with_private(text: str, marks: Sequence[Mark]) -> str:
    edits = [(found.start(), found.end(), _MARKER.format(k)) for k, found in enumerate(markers.found(text))]
    for number, mark in enumerate(marks):
        words = _NOT_WORDS.sub(lambda other: " " * len(other.group()), text[mark.start : mark.end])
        places = [word.start() for word in _WORD.finditer(words)]
        if places:
            begin, end = mark.start + places[0], mark.start + places[-1] + 1
            edits += [(begin, begin, f"{_BEGIN}{number}\ue006"), (end, end, _END)]
    written, begun = list[str](), 0
    for start, end, instead in sorted(edits):
        written += [text[begun:start], instead]
        begun = max(begun, end)
    return "".join([*written, text[begun:]])


def _mark(found: str, marks: Sequence[Mark]) -> str:
    if found == _CLOSE:
        return "</span>"
    reason = escape(marks[int(found[1:-1])].reason)
    return f'<span class="unseen"> &#40;{reason}&#41;</span>' if found[0] == _SAID else f'<span class="uncited" title="{reason}">'


def _blocks(text: str) -> Iterator[str]:
    """Parts that are read alone, so that of a growing text only the last is read again."""
    begun = 0
    for end in _BLOCK_BEGINS.finditer(text):
        if not _is_inside_code(text[begun : end.start()]):
            yield text[begun : end.end()]
            begun = end.end()
    yield text[begun:]


def _is_inside_code(block: str) -> bool:
    fence = re.search(rf"^{markers.LEAD}(?P<fence>{markers.FENCE})", block, re.MULTILINE)
    if not fence:
        return False
    closing = re.compile(rf"^[ \t>]*{fence['fence']}[`~]*[ \t]*$", re.MULTILINE).search(block, fence.end())
    return not closing or _is_inside_code(block[closing.end() :])


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 30}).enable(["table", "strikethrough"])
    # half of a heading's underline would make a heading of a paragraph, and of indented words nothing should make code
    return parser.disable(["html_block", "html_inline", "reference", "lheading", "code"])


@lru_cache(maxsize=256)
def _block(text: str) -> str:
    return "".join(_Html().of(_parser().parse(text)))


class _Html:
    """One block; it remembers which mark is open."""

    def __init__(self) -> None:
        self._mark = ""
        self._addresses: list[str] = []

    def of(self, tokens: Sequence[Token]) -> Iterator[str]:
        for token in tokens:
            if token.type in _ENDS_MARK:
                self._mark = ""
            if token.type == "inline":
                yield from self.of(token.children or [])
            elif token.type in _PLAIN_TAGS:
                yield _PLAIN_TAGS[token.type]
            elif token.type == "code_inline":
                yield f"<code>{self._words(token.content)}</code>"
            elif token.type == "fence":
                yield _code(token)
            elif token.type == "image":
                yield self._words(f"{token.content} ({token.attrGet('src')})")
            else:
                yield self._dressed(token)

    def _dressed(self, token: Token) -> str:
        name, is_open = token.type.rpartition("_")[0], token.nesting == 1
        if name == "paragraph":
            return "" if token.hidden else "<p>" if is_open else "</p>"
        if name == "heading":
            return f"<{'' if is_open else '/'}h{min(6, int(token.tag[1]) + 2)}>"
        if name == "ordered_list":
            return f'<ol start="{int(token.attrGet("start") or 1)}">'
        if name in ("th", "td"):
            aligned = str(token.attrGet("style") or "").removeprefix("text-align:")
            return f'<{name} class="{aligned}">' if aligned in ("right", "center") else f"<{name}>"
        if name == "link":
            return self._link(str(token.attrGet("href") or "")) if is_open else self._link_end()
        return self._words(token.content)

    def _link(self, address: str) -> str:
        self._addresses.append(address)
        if not _WEB.match(address):
            return ""
        shown = escape(address)
        return f'<a href="{shown}" title="{shown}" target="_blank" rel="noopener noreferrer nofollow">'

    def _link_end(self) -> str:
        address = self._addresses.pop()
        return "</a>" if _WEB.match(address) else f" &#40;{escape(address)}&#41;"

    def _words(self, text: str) -> str:
        """Escaped; inside a mark each stretch is an element of its own, so that elements nest."""
        html = ""
        for part in _TURN.split(text):
            if part == _END:
                html += self._mark.replace(_BEGIN, _SAID)
                self._mark = ""
            elif _TURN.fullmatch(part):
                self._mark = part
            elif part:
                html += f"{self._mark}{escape(part)}{_CLOSE}" if self._mark else escape(part)
        return html


def _code(token: Token) -> str:
    text = _PRIVATE.sub("", token.content).removesuffix("\n")
    language = _PRIVATE.sub("", token.info).strip().partition(" ")[0][:30]
    return (
        f'<div class="code"><div class="code-head"><span>{escape(language)}</span>'
        f'<button type="button" class="copy">Copy</button></div><pre tabindex="0"><code>{escape(text)}</code></pre></div>'
    )


_HALF_LINK = re.compile(r"!?\[([^\]\n]*)(?:\](?:\([^)\n]*)?)?\Z")
_HALF_TABLE = re.compile(r"(?:\A|\n)(\|[^\n]*)(\n[|:\- \t]*)?\Z")


def _closed(text: str) -> str:
    """A growing text as it will look: half a link is its words, half a table a table, half of an emphasis is emphasis."""
    if _is_inside_code(text):
        return text
    if half := _HALF_TABLE.search(text):
        cells = max(1, half.group(1).strip().strip("|").count("|") + 1)
        before = text[: half.start(1)].rpartition("\n")[0].rpartition("\n")[2]
        if not before.startswith("|"):
            return f"{text[: half.end(1)]}{'' if half.group(1).rstrip().endswith('|') else ' |'}\n{'|---' * cells}|\n"
    text = _HALF_LINK.sub(r"\1", text)
    line = re.sub(r"`+[^`\n]*`+", "", re.split(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-*+]|\d+[.)])\s)", text)[-1])
    for mark in _open_marks(re.sub(r"\A\s*[*+-]\s", "", line)):
        bare = text.rstrip()
        text = bare.removesuffix(mark) if bare.endswith(mark) else bare + mark
    return text


def _open_marks(line: str) -> list[str]:
    strong = line.count("**") % 2
    single = line.replace("**", "").count("*") % 2
    return ["*"] * single + ["**"] * strong

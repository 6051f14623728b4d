"""Turns a turn into HTML. Pure; it knows nothing about Gradio, the network or time.

Everything that comes from a document or a person goes through `escape`; no other text may reach the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from chatbot.apps.markup import Mark, markdown
from chatbot.apps.prose import chip, escape, on_page, paragraphs, plain, shortened
from chatbot.apps.turn import Turn
from chatbot.knowledge.sources.collections import Collection
from chatbot.schema import Citation, Passage

HEADER = "<h1>Chatbot</h1><p>Answers from your documents, with their sources.</p>"
DOCUMENTS = '<button type="button" id="documents-open" aria-haspopup="dialog">Documents</button>'
"""Opens what documents.js builds."""
FINE_PRINT = "Written by a machine, which can be wrong. Check the sources."
EMPTY_HINT = "Type a question first."
BUSY_HINT = "Wait for the answer, or stop it first."
UNEXPECTED = "Something went wrong on our side; it has been logged. Ask again, or begin a new conversation."
PANEL = (
    '<aside id="evidence" aria-label="Source" tabindex="-1" hidden>'
    '<div id="evidence-head"><span>Source</span><button type="button" id="evidence-close">Close</button></div>'
    '<div id="evidence-body" role="region" aria-label="Quoted passage" tabindex="0"></div></aside>'
    '<div id="announcer" role="status"></div>'
)
_NOTICE = (
    '<p class="notice"><strong>You are talking to a machine.</strong> It answers from the documents, and it can be wrong: '
    "check the sources. A click on a number in the answer shows them.</p>"
)
_NO_DOCUMENTS = (
    '<div class="card"><p class="title">There are no documents yet</p><p>Add them with the button “Documents” above, '
    "or from a terminal, then reload this page:</p><pre>chatbot sync PATH</pre></div>"
)

_LINKED = re.compile(r"https?://[!-~]+")
"""What may become a link: an address of a page as the fetcher writes it."""
_LEGEND = {"searching": "Searching the documents", "reading": "Reading the best passages", "answering": "Answering"}


def welcome_html(has_documents: bool, collections: Mapping[str, int]) -> str:
    """What stands above the example questions; `collections` are those without any, by title, with their documents counted."""
    if not has_documents:
        return _NOTICE + _NO_DOCUMENTS
    listed = ", ".join(f"<b>{escape(title)}</b> ({count})" for title, count in collections.items())
    return _NOTICE + (f'<p class="notice">Your documents: {listed}.</p>' if listed else "")


def collection_html(collection: Collection) -> str:
    """A heading for a collection's example questions."""
    return f"<h2>{escape(collection.title)}</h2><p>{escape(collection.description)}</p>"


def question_html(text: str) -> str:
    """A person's message."""
    return f'<h2 class="unseen">You asked</h2><div class="question" dir="auto">{escape(text.strip())}</div>'


def turn_html(turn: Turn) -> str:
    """The machine's message. On one line, so that a Markdown reader takes it for a single block of HTML."""
    body = {"abstained": _abstention, "failed": _failure, "refused": _failure}.get(turn.phase, _answer)(turn)
    return f'<h2 class="unseen">Answer</h2><div class="answer" data-phase="{turn.phase}">{body}</div>'


def _answer(turn: Turn) -> str:
    known = [_position(turn.passages, citation) for citation in turn.citations]
    evidence = "".join(
        _evidence(number, turn.passages[position], citation)
        for number, (citation, position) in enumerate(zip(turn.citations, known, strict=True))
        if position is not None
    )
    legend = f'<p class="phase"><span class="pulse"></span>{_LEGEND[turn.phase]}…</p>' if turn.busy else ""
    note = f'<p class="note">{escape(turn.note)}</p>' if turn.note else ""
    return f'<div class="text" dir="auto">{words_html(turn)}</div>{legend}{note}{_sources(turn)}{evidence}'


def words_html(turn: Turn) -> str:
    """What was said, as its engine writes: quotes are no Markdown, whatever signs they hold."""
    if not turn.is_markdown:
        return paragraphs("".join(plain(text, before, turn.citations) for text, before in turn.pieces()))
    text, places = turn.shown()
    marks = [] if turn.replaced else [Mark(start, end, reason) for start, end, reason in turn.marked()]
    return markdown(text, lambda k, marker: chip(places[k], marker, turn.citations), marks, growing=turn.busy)


def _sources(turn: Turn) -> str:
    """One button for each document and page cited, with all its markers."""
    cited: dict[tuple[str, str, int | None], list[tuple[int, Citation]]] = {}
    for number, citation in enumerate(turn.citations):
        cited.setdefault((citation.collection, citation.source, citation.page), []).append((number, citation))
    if turn.busy or not cited:
        return ""
    buttons = "".join(
        f'<li><button type="button" class="source" data-evidence="{number}"><b>{_markers(each)}</b> '
        f"{_place(citation.title or citation.source, citation.page)}</button></li>"
        for each in cited.values()
        for number, citation in each[:1]
    )
    return f'<div class="sources"><span>Sources</span><ul>{buttons}</ul></div>'


def _markers(cited: list[tuple[int, Citation]]) -> str:
    return ", ".join(str(marker) for marker in sorted({citation.marker for _, citation in cited}))


def _abstention(turn: Turn) -> str:
    nearest = "".join(
        f'<li><button type="button" class="source" data-evidence="{number}">'
        f"{_place(passage.title or passage.source, passage.chunk.page)}</button>"
        f'<span dir="auto">{escape(shortened(passage.chunk.text))}</span></li>'
        for number, passage in enumerate(turn.passages)
    )
    evidence = "".join(_evidence(number, passage, None) for number, passage in enumerate(turn.passages))
    details = f"<details><summary>Nearest passages looked at ({len(turn.passages)})</summary><ol>{nearest}</ol></details>"
    return (
        f'<div class="card abstention"><p class="title">Not in the documents</p><div dir="auto">{words_html(turn)}</div>'
        f"{details if nearest else ''}</div>{evidence}"
    )


def _failure(turn: Turn) -> str:
    so_far = f'<div class="text" dir="auto">{words_html(turn)}</div>' if turn.raw else ""
    title = "Please change the question" if turn.phase == "refused" else "The answer broke off" if so_far else "No answer"
    why = escape(turn.note[:1].upper() + turn.note[1:])
    return f'{so_far}<div class="card failure"><p class="title">{title}</p><p>{why}</p></div>'


def _evidence(number: int, passage: Passage, citation: Citation | None) -> str:
    """What the side panel shows; hidden where it stands, and cloned by chat.js. (Gradio turns a <template> into text.)"""
    is_url = bool(_LINKED.fullmatch(passage.source))
    rows = {
        "Page": str(passage.chunk.page) if passage.chunk.page else "",
        "Address" if is_url else "File": passage.source,
        "Date": passage.date,
        "Collection": passage.collection,
    }
    searched = bool(passage.dense or passage.lexical)  # a task that goes through one document searches nothing
    scores = {"Cosine": f"{passage.dense:.2f}", "BM25": f"{passage.lexical:.1f}"} if searched else {}
    title, headings = passage.title or passage.source, passage.chunk.heading_path
    trail = " › ".join(escape(heading) for heading in headings[headings[:1] == (title,) :])
    return (
        f'<div class="evidence" data-key="{number}" hidden><h2 dir="auto">{escape(title)}</h2>'
        f'<p class="trail" dir="auto">{trail}</p>'
        f'<blockquote dir="auto">{_quoted(passage, citation)}</blockquote>{_facts(rows)}'
        f"{f'<details><summary>Search scores</summary>{_facts(scores)}</details>' if scores else ''}</div>"
    )


def _facts(rows: Mapping[str, str]) -> str:
    facts = "".join(
        f"<div><dt>{name}</dt><dd>{_linked(value) if name == 'Address' else escape(value)}</dd></div>"
        for name, value in rows.items()
        if value
    )
    return f"<dl>{facts}</dl>"


def _linked(url: str) -> str:
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer nofollow">{escape(url)}</a>'


def _quoted(passage: Passage, citation: Citation | None) -> str:
    text = passage.chunk.text
    if citation is None:
        return escape(text)
    start, end = citation.start - passage.chunk.start, citation.end - passage.chunk.start
    return f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:])}"


def _position(passages: Sequence[Passage], citation: Citation) -> int | None:
    return next((i for i, passage in enumerate(passages) if passage.chunk.id == citation.chunk_id), None)


def _place(title: str, page: int | None) -> str:
    return f"<bdi>{escape(title)}</bdi>{on_page(page)}"

"""compose: what the engine is asked."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.prompts import Prompt
from chatbot.schema import Message, Passage, Query, Value


class EngineDocument(Value):
    """One passage as the engine gets it. `title` and `text` are the fields that chat templates look for."""

    source: str
    """Id of the document it is from: passages of one source share it."""
    title: str
    section: str
    """Headings it stands under, outermost first, joined by " > "; without the title."""
    text: str
    start: int
    """Place of the text in its source, in characters."""


class EngineRequest(Value):
    """Messages, and the documents beside them, which engines number from 1 in the order given (the chat-template convention)."""

    messages: tuple[Message, ...]
    documents: tuple[EngineDocument, ...]


def compose(query: Query, passages: Sequence[Passage], prompt: Prompt) -> EngineRequest:
    """Stable text first (system, history), the question last."""
    system, *question = prompt.messages(question=query.text)
    return EngineRequest(messages=(system, *query.history, *question), documents=tuple(map(_document, passages)))


def _document(passage: Passage) -> EngineDocument:
    chunk = passage.chunk
    headings = chunk.heading_path[1:] if chunk.heading_path[:1] == (passage.title,) else chunk.heading_path
    return EngineDocument(
        source=chunk.document_id, title=passage.title, section=" > ".join(headings), text=chunk.text, start=chunk.start
    )

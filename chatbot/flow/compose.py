"""compose: what the engine is asked."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.prompts import Prompt
from chatbot.schema import Message, Passage, Query, Value


class EngineRequest(Value):
    """Messages and the documents beside them, numbered from 1 in the order given (the chat-template convention).

    A document has `title` (with its headings, joined by " > "), `text`, and `start`, its place in the source in characters.
    """

    messages: tuple[Message, ...]
    documents: tuple[dict[str, str], ...]


def compose(query: Query, passages: Sequence[Passage], prompt: Prompt) -> EngineRequest:
    """Stable text first (system, history), the question last."""
    system, *question = prompt.messages(question=query.text)
    return EngineRequest(messages=(system, *query.history, *question), documents=tuple(map(_document, passages)))


def _document(passage: Passage) -> dict[str, str]:
    return {"title": " > ".join(_headings(passage)), "text": passage.chunk.text, "start": str(passage.chunk.start)}


def _headings(passage: Passage) -> tuple[str, ...]:
    path = passage.chunk.heading_path
    return path if path[:1] == (passage.title,) else (passage.title, *path)

"""compose: what the engine is asked."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.prompts import Prompt
from chatbot.schema import Message, Passage, Query, Value


class EngineRequest(Value):
    """Messages and the documents beside them, numbered from 1 in the order given (the chat-template convention)."""

    messages: tuple[Message, ...]
    documents: tuple[dict[str, str], ...]


def compose(query: Query, passages: Sequence[Passage], prompt: Prompt) -> EngineRequest:
    """Stable text first (system, history), the question last."""
    system, *question = prompt.messages(question=query.text)
    documents = tuple({"title": " > ".join(_headings(passage)), "text": passage.chunk.text} for passage in passages)
    return EngineRequest(messages=(system, *query.history, *question), documents=documents)


def _headings(passage: Passage) -> tuple[str, ...]:
    path = passage.chunk.heading_path
    return path if path[:1] == (passage.title,) else (passage.title, *path)

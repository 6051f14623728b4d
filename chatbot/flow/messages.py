"""Our messages as LangChain's."""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from chatbot.schema import Message

_TYPES: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


def langchain_messages(messages: Iterable[Message]) -> list[BaseMessage]:
    """In their order."""
    return [_TYPES[message.role](content=message.content) for message in messages]

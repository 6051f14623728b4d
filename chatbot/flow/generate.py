"""generate: the engine's words as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage

from chatbot.flow.compose import EngineRequest
from chatbot.schema import Delta, Message, Stop, Usage

_TYPES: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


async def generate(engine: BaseChatModel, request: EngineRequest) -> AsyncGenerator[Delta | Stop]:
    """Yield deltas, then exactly one stop. Closing the iterator closes the engine's stream."""
    stop = Stop(model=engine._llm_type)  # pyright: ignore[reportPrivateUsage]  LangChain's own name for it
    pieces = engine.astream([_message(message) for message in request.messages], documents=list(request.documents))
    async with aclosing(cast(AsyncGenerator[AIMessageChunk], pieces)) as stream:
        async for piece in stream:
            if text := piece.text:
                yield Delta(text=text)
            stop = _stop(piece, stop)
    yield stop


def _message(message: Message) -> BaseMessage:
    return _TYPES[message.role](content=message.content)


def _stop(piece: AIMessageChunk, so_far: Stop) -> Stop:
    counted = piece.usage_metadata
    usage = Usage(prompt_tokens=counted["input_tokens"], completion_tokens=counted["output_tokens"]) if counted else so_far.usage
    reason = piece.response_metadata.get("finish_reason", so_far.finish_reason)
    model = piece.response_metadata.get("model_name", so_far.model)
    return Stop(usage=usage, finish_reason=reason, model=model)

"""generate: the engine's words as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk

from chatbot.flow.compose import EngineRequest
from chatbot.flow.messages import langchain_messages
from chatbot.schema import Delta, FinishReason, Stop, Usage

_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "abstained": "abstained",
}
"""What vendors call it; a reason that is not here is a "stop", for the answer as it came is all there will be."""


async def generate(engine: BaseChatModel, request: EngineRequest) -> AsyncGenerator[Delta | Stop]:
    """Yield deltas, then exactly one stop. Closing the iterator closes the engine's stream."""
    stop = Stop(model=engine._llm_type)  # pyright: ignore[reportPrivateUsage]  LangChain's own name for it
    options: dict[str, Any] = request.sampling.given()
    if request.documents:
        options["documents"] = [document.model_dump() for document in request.documents]
    if request.max_sentences is not None:
        options["max_sentences"] = request.max_sentences
    pieces = engine.astream(langchain_messages(request.messages), **options)
    async with aclosing(cast(AsyncGenerator[AIMessageChunk], pieces)) as stream:
        async for piece in stream:
            if text := piece.text:
                yield Delta(text=text)
            if piece.response_metadata or piece.usage_metadata:
                stop = stop_of(piece, stop)
    yield stop


def stop_of(piece: AIMessage, so_far: Stop) -> Stop:
    """What a message says of its end, laid over what earlier ones said."""
    said, usage = piece.response_metadata, so_far.usage
    if counted := piece.usage_metadata:  # LangChain's chunks add up, and so do their counts
        usage = Usage(
            prompt_tokens=usage.prompt_tokens + counted["input_tokens"],
            completion_tokens=usage.completion_tokens + counted["output_tokens"],
            cached_tokens=usage.cached_tokens + (counted.get("input_token_details") or {}).get("cache_read", 0),
        )
    reason = str(said.get("finish_reason") or said.get("stop_reason") or "").lower()
    finish_reason = _REASONS.get(reason, "stop") if reason else so_far.finish_reason
    return Stop(usage=usage, finish_reason=finish_reason, model=said.get("model_name") or so_far.model)

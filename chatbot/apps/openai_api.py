"""OpenAI's chat completions, as much as its clients need; citations travel in extra fields. Collections are models."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from chatbot.apps import wire
from chatbot.apps.api import Opened, begun
from chatbot.apps.event_stream import STREAM_HEADERS
from chatbot.apps.problems import trouble
from chatbot.apps.together import together
from chatbot.bootstrap import Application
from chatbot.errors import QuestionError, UnknownCollection, from_code
from chatbot.flow.pipeline import last_answer
from chatbot.sampling import Sampling
from chatbot.schema import Answer, AnswerEvent, Completed, DeltaReleased, Failed, Message, Query

EVERYTHING = "chatbot"
"""The model that searches all collections. A collection of this name is the model `chatbot/chatbot`."""


class _OpenAIRoute(APIRoute):
    """A route whose errors have OpenAI's shape: its clients show nothing of a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:  # noqa: BLE001  the last border, and `trouble` logs what nobody foresaw
                status, detail, headers, _ = trouble(error)
                return JSONResponse(_error(detail, type(error).__name__, status), status, headers)

        return answer


router = APIRouter(prefix="/v1", route_class=_OpenAIRoute)


class TextPart(BaseModel):
    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None

    def as_message(self) -> Message:
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content or ())
        return Message(role="system" if self.role == "developer" else self.role, content=text)


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """Sampling goes to the engine, which refuses what it cannot do; fields that are not here are accepted and ignored."""

    model: str = EVERYTHING
    messages: list[ChatMessage] = Field(min_length=1, max_length=200)
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    min_p: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    repetition_penalty: float | None = Field(default=None, gt=0, le=2)
    seed: int | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None

    def sampling(self) -> Sampling | None:
        """What was asked for, None if nothing."""
        asked = self.model_dump(include=_SAMPLING, exclude_none=True)
        if self.max_completion_tokens is not None:  # the newer name of the same
            asked["max_tokens"] = self.max_completion_tokens
        if self.stop:
            asked["stop"] = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        return Sampling(**asked) if asked else None


_SAMPLING = set(Sampling.model_fields) & set(ChatRequest.model_fields) - {"stop"}


@router.get("/models")
async def models(application: Opened) -> dict[str, Any]:
    """`chatbot` for everything, and one model a collection."""
    return {"object": "list", "data": [_model(name) for name in await _models(application)]}


@router.get("/models/{name:path}")
async def model(name: str, application: Opened) -> dict[str, Any]:
    """One of them."""
    _collections(name, await _models(application))
    return _model(name)


@router.post("/chat/completions")
async def chat_completions(body: ChatRequest, application: Opened) -> Response:
    """Answer the last user message; streaming or not."""
    events = application.answer(_query(body, await _models(application)))
    if body.stream:
        stream = together(_chunks(body, await begun(events)))
        return StreamingResponse(stream, media_type="text/event-stream", headers=STREAM_HEADERS)
    return JSONResponse(_completion(body.model, await last_answer(events)))


async def _models(application: Application) -> dict[str, tuple[str, ...]]:
    """The collections that each model searches; none means all."""
    held = await asyncio.to_thread(application.catalogue.collections)
    return {EVERYTHING: (), **{f"{EVERYTHING}/{name}" if name == EVERYTHING else name: (name,) for name in sorted(held)}}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "chatbot"}


def _collections(model: str, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if model not in known:
        raise UnknownCollection(f"there is no model {model!r}; there are: {', '.join(known)}")
    return known[model]


def _query(body: ChatRequest, known: Mapping[str, tuple[str, ...]]) -> Query:
    messages = [message.as_message() for message in body.messages]
    asked = max((place for place, message in enumerate(messages) if message.role == "user"), default=None)
    if asked is None:
        raise QuestionError("there is no user message; the last one is the question")
    history = tuple(message for message in messages[:asked] if message.role != "system" and message.content)
    collections = _collections(body.model, known)
    return Query(text=messages[asked].content, history=history, collections=collections, sampling=body.sampling())


def _completion(model: str, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    return {
        **_head(answer.id, model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(answer), "logprobs": None}],
        "usage": _usage(answer),
        **_extra(answer),
    }


async def _chunks(body: ChatRequest, events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[str]:
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    # an answer gets its own id when it is finished, and a stream needs one before
    head = _head(uuid.uuid4().hex, body.model, "chat.completion.chunk") | ({"usage": None} if with_usage else {})
    yield _data({**head, "choices": [_choice({"role": "assistant", "content": ""})]})
    async with aclosing(events):
        async for event in events:
            if isinstance(event, DeltaReleased):
                yield _data({**head, "choices": [_choice({"content": event.text})]})
            elif isinstance(event, Completed):
                answer = event.answer
                yield _data({**head, "choices": [_choice({}, _finish(answer))], **_extra(answer)})
                if with_usage:
                    yield _data({**head, "choices": [], "usage": _usage(answer)})
            elif isinstance(event, Failed):
                status = trouble(from_code(event.code, event.message, event.retry_after_s)).status
                yield _data(_error(event.message, event.code, status))
    yield "data: [DONE]\n\n"


def _head(id_: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{id_}", "object": kind, "created": int(time.time()), "model": model}


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _finish(answer: Answer) -> str:
    return "length" if answer.finish_reason == "length" else "stop"


def _usage(answer: Answer) -> dict[str, Any]:
    spent = answer.usage
    return {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": spent.cached_tokens},
    }


def _extra(answer: Answer) -> dict[str, Any]:
    """Fields of ours, beside OpenAI's."""
    return {
        "status": answer.status,
        "citations": [citation.model_dump(mode="json") for citation in answer.citations],
        "verdicts": [verdict.model_dump(mode="json") for verdict in answer.verdicts],
    }


def _data(body: dict[str, Any]) -> str:
    return wire.server_sent(json.dumps(body))


def _error(message: str, code: str, status: int) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error" if status >= 500 else "invalid_request_error", "code": code}}

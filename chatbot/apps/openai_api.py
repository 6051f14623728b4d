"""OpenAI's chat completions, as much as its clients need; citations travel in extra fields. Collections are models."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from chatbot.apps.api import STREAM_HEADERS, Opened, begun
from chatbot.apps.problems import trouble
from chatbot.bootstrap import Application
from chatbot.errors import QuestionError, UnknownCollection
from chatbot.flow.pipeline import last_answer
from chatbot.schema import Answer, AnswerEvent, Completed, DeltaReleased, Failed, Message, Query

EVERYTHING = "chatbot"
"""The model that searches all collections."""


class _OpenAIRoute(APIRoute):
    """A route whose errors have OpenAI's shape: its clients show nothing of a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:  # noqa: BLE001  the last border, and `trouble` logs what nobody foresaw
                status, detail, headers = trouble(error)
                return JSONResponse(_error(detail, type(error).__name__, status), status, headers)

        return answer


router = APIRouter(prefix="/v1", route_class=_OpenAIRoute)


class TextPart(BaseModel):
    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    def as_message(self) -> Message:
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return Message(role="system" if self.role == "developer" else self.role, content=text)


class ChatRequest(BaseModel):
    """Fields that make no difference to quoting (temperature and the like) are accepted and ignored."""

    model: str = EVERYTHING
    messages: list[ChatMessage] = Field(min_length=1, max_length=200)
    stream: bool = False


@router.get("/models")
async def models(application: Opened) -> dict[str, Any]:
    """`chatbot` for everything, and one model a collection."""
    names = [EVERYTHING, *sorted(application.catalogue.collections())]
    return {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "chatbot"} for name in names]}


@router.post("/chat/completions")
async def chat_completions(body: ChatRequest, application: Opened) -> Response:
    """Answer the last user message; streaming or not."""
    events = application.answer(_query(body, application))
    if body.stream:
        stream = _chunks(body.model, await begun(events))
        return StreamingResponse(stream, media_type="text/event-stream", headers=STREAM_HEADERS)
    return JSONResponse(_completion(body.model, await last_answer(events)))


def _query(body: ChatRequest, application: Application) -> Query:
    messages = [message.as_message() for message in body.messages]
    asked = max((place for place, message in enumerate(messages) if message.role == "user"), default=None)
    if asked is None:
        raise QuestionError("there is no user message; the last one is the question")
    known = application.catalogue.collections()
    if body.model != EVERYTHING and body.model not in known:
        raise UnknownCollection(f"there is no model {body.model!r}; there are: {', '.join([EVERYTHING, *sorted(known)])}")
    collections = () if body.model == EVERYTHING else (body.model,)
    history = tuple(message for message in messages[:asked] if message.role != "system")
    return Query(text=messages[asked].content, history=history, collections=collections)


def _completion(model: str, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    return {
        **_head(answer.id, model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(answer), "logprobs": None}],
        "usage": _usage(answer),
        **_extra(answer),
    }


async def _chunks(model: str, events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[str]:
    head = _head(f"chatcmpl-{uuid.uuid4().hex}", model, "chat.completion.chunk")
    yield _data({**head, "choices": [_choice({"role": "assistant", "content": ""})]})
    async with aclosing(events):
        async for event in events:
            if isinstance(event, DeltaReleased):
                yield _data({**head, "choices": [_choice({"content": event.text})]})
            elif isinstance(event, Completed):
                answer = event.answer
                yield _data({**head, "choices": [_choice({}, _finish(answer))], "usage": _usage(answer), **_extra(answer)})
            elif isinstance(event, Failed):
                yield _data(_error(event.message, event.code))
    yield "data: [DONE]\n\n"


def _head(id_: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": id_, "object": kind, "created": int(time.time()), "model": model}


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _finish(answer: Answer) -> str:
    return "length" if answer.finish_reason == "length" else "stop"


def _usage(answer: Answer) -> dict[str, int]:
    spent = answer.usage
    return {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
    }


def _extra(answer: Answer) -> dict[str, Any]:
    """Fields of ours, beside OpenAI's."""
    return {
        "status": answer.status,
        "citations": [citation.model_dump(mode="json") for citation in answer.citations],
        "verdicts": [verdict.model_dump(mode="json") for verdict in answer.verdicts],
    }


def _data(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def _error(message: str, code: str, status: int = 500) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error" if status >= 500 else "invalid_request_error", "code": code}}

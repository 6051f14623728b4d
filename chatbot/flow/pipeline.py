"""The one flow: (smalltalk may end here) → condense → retrieve → rerank → abstain → compose → generate → segment → cite → screen.

Read this first. It knows nothing about front ends; nothing flows backwards but a close.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Literal, NamedTuple

from langchain_core.language_models import BaseChatModel

from chatbot.errors import ChatbotError, QuestionError
from chatbot.flow.abstain import abstain, confidence
from chatbot.flow.cite import cite
from chatbot.flow.compose import compose
from chatbot.flow.condense import condense
from chatbot.flow.generate import generate
from chatbot.flow.rerank import rerank
from chatbot.flow.retrieve import Retriever
from chatbot.flow.screen import Check, screen
from chatbot.flow.segment import segment
from chatbot.flow.smalltalk import is_smalltalk
from chatbot.prompts import Prompt
from chatbot.schema import (
    Answer,
    AnswerEvent,
    Citation,
    Cited,
    Completed,
    Delta,
    DeltaReleased,
    Failed,
    Judged,
    Manifest,
    Passage,
    Query,
    Retrieved,
    Status,
    Stop,
    Verdict,
)
from chatbot.settings import Settings

_SPARE = 15
"""Passages retrieved beyond top_k, so that dropping repeats and preferring other documents has something to choose from."""


class Parts(NamedTuple):
    """What a pipeline is made of."""

    settings: Settings
    retrieve: Retriever
    engine: BaseChatModel
    prompts: Mapping[str, Prompt]
    encoder_fingerprint: str
    generation: int
    checks: Sequence[Check] = ()


class Pipeline:
    """Answers queries; holds no state between them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        """Stream the answer; the last event, and only the last, is `completed` or `error`. Close the iterator to stop the engine.

        Raises:
            UserError: before the first event: the question is empty or too long, or names an unknown collection.
        """
        query = self._checked(query)
        draft = _Draft(self._parts)
        if is_smalltalk(query.text):
            await asyncio.to_thread(self._parts.retrieve.check, query.collections)
            for event in draft.canned("smalltalk", ()):
                yield event
            return
        passages = await asyncio.to_thread(self._passages, query, draft)
        yield Retrieved(passages=tuple(passages))
        if abstain(passages, self._parts.settings.abstention.min_cosine):
            for event in draft.canned("abstained", passages):
                yield event
            return
        request = compose(query, passages, self._parts.prompts["answer"])
        stream = screen(cite(segment(generate(self._parts.engine, request)), passages), self._parts.checks)
        try:
            async with aclosing(stream):
                async for item in stream:
                    if not isinstance(item, Stop):
                        yield draft.add(item)
                    elif item.finish_reason == "abstained":
                        for event in draft.canned("abstained", passages):
                            yield event
                    else:
                        yield Completed(answer=draft.finish("answered", passages, item))
        except ChatbotError as error:
            yield Failed(code=type(error).__name__, message=str(error))

    async def complete(self, query: Query) -> Answer:
        """Run the stream to its end.

        Raises:
            ChatbotError: the stream ended in an error.
        """
        return await last_answer(self.answer(query))

    async def search(self, query: Query, k: int) -> list[Passage]:
        """Retrieve only.

        Raises:
            UserError: as for `answer`.
        """
        query = self._checked(query)
        return await asyncio.to_thread(self._parts.retrieve, query, condense(query), k)

    def _checked(self, query: Query) -> Query:
        text, limit = _writable(query.text).strip(), self._parts.settings.max_question_chars
        if not text:
            raise QuestionError("the question is empty; type what you want to know")
        if len(text) > limit:
            raise QuestionError(f"the question has {len(text):,} characters and the limit is {limit:,}; ask a shorter one")
        history = tuple(turn.model_copy(update={"content": _writable(turn.content)}) for turn in query.history)
        return query.model_copy(update={"text": text, "history": history})

    def _passages(self, query: Query, draft: _Draft) -> list[Passage]:
        top_k = self._parts.settings.retrieval.top_k
        found = self._parts.retrieve(query, condense(query), top_k + _SPARE)
        draft.lap("retrieve")
        return rerank(query.text, found, top_k)


def _writable(text: str) -> str:
    """Half a surrogate pair, which JSON and terminals can carry, has no UTF-8; a question mark stands in for it."""
    return text.encode("utf-8", "replace").decode("utf-8")


async def last_answer(events: AsyncGenerator[AnswerEvent]) -> Answer:
    """Run a stream of events to its end.

    Raises:
        ChatbotError: it ended in an error.
    """
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Completed):
                return event.answer
            if isinstance(event, Failed):
                raise ChatbotError(event.message)
    raise AssertionError("a stream ends with a terminal event")


class _Draft:
    """The answer so far."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._text: list[str] = []
        self._citations: list[Citation] = []
        self._verdicts: list[Verdict] = []
        self._timings: dict[str, float] = {}
        self._begun = self._lapped = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._timings[stage] = round((now - self._lapped) * 1000, 1)
        self._lapped = now

    def add(self, item: Delta | Citation | Verdict) -> AnswerEvent:
        if isinstance(item, Delta):
            if not self._text:
                self.lap("first_delta")
            self._text.append(item.text)
            return DeltaReleased(text=item.text)
        if isinstance(item, Citation):
            self._citations.append(item)
            return Cited(citation=item)
        self._verdicts.append(item)
        return Judged(verdict=item)

    def canned(self, status: Literal["abstained", "smalltalk"], passages: Sequence[Passage]) -> tuple[AnswerEvent, AnswerEvent]:
        """An answer that is a prompt's own text."""
        name = "abstention" if status == "abstained" else "smalltalk"
        said = self.add(Delta(text=self._parts.prompts[name].text("assistant").strip()))
        reason = "abstained" if status == "abstained" else "stop"
        return said, Completed(answer=self.finish(status, passages, Stop(finish_reason=reason)))

    def finish(self, status: Status, passages: Sequence[Passage], stop: Stop) -> Answer:
        self._timings["total"] = round((time.perf_counter() - self._begun) * 1000, 1)
        return Answer(
            id=uuid.uuid4().hex,
            text="".join(self._text).strip(),
            status=status,
            citations=tuple(self._citations),
            verdicts=tuple(self._verdicts),
            passages=tuple(passages),
            usage=stop.usage,
            model=stop.model,
            finish_reason=stop.finish_reason,
            confidence=round(confidence(passages), 4) if passages else None,
            manifest=self._manifest(passages),
        )

    def _manifest(self, passages: Sequence[Passage]) -> Manifest:
        return Manifest(
            engine=self._parts.settings.engine,
            encoder=self._parts.encoder_fingerprint,
            generation=self._parts.generation,
            prompts={name: prompt.hash for name, prompt in self._parts.prompts.items()},
            chunks=tuple(passage.chunk.id for passage in passages),
            timings_ms=self._timings,
        )

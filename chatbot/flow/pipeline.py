"""The one flow: (smalltalk and cache may end here) → divide → condense → retrieve → rerank → select → judge → clarify →
widen → compose and fit → generate → decline → disagree → segment → cite → screen.

Read this first. It knows nothing about front ends; nothing flows backwards but a close.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

from chatbot import markers
from chatbot.engines.parts import Engine
from chatbot.errors import ChatbotError, EngineBusy, InternalError, QuestionError, from_code
from chatbot.flow.cache import AnswerCache, keeping
from chatbot.flow.cite import cite
from chatbot.flow.clarify import choices, listed
from chatbot.flow.compose import REFUSAL, Cut, EngineRequest, compose, compose_quote, past_turns
from chatbot.flow.condense import condense, search_forms
from chatbot.flow.confidence import Judge
from chatbot.flow.decline import decline
from chatbot.flow.disagree import disagree, noted
from chatbot.flow.divide import divide, merged, to_the_point
from chatbot.flow.draft import Draft, MadeBy
from chatbot.flow.fit import fit
from chatbot.flow.generate import generate
from chatbot.flow.rerank import Reranker
from chatbot.flow.retrieve import Retrieval
from chatbot.flow.screen import Check, screen
from chatbot.flow.segment import segment
from chatbot.flow.select import select
from chatbot.flow.smalltalk import smalltalk
from chatbot.flow.unmentioned import unmentioned
from chatbot.flow.widen import widen
from chatbot.prompts import Prompt
from chatbot.schema import Answer, AnswerEvent, Completed, Delta, Failed, Passage, Query, Retrieved, Stop, writable
from chatbot.settings import Settings

_log = logging.getLogger(__name__)

_SPARE = 15
"""Passages retrieved beyond top_k, so that dropping repeats and preferring other documents has something to choose from."""

_MAX_HISTORY = 200_000
"""Characters: a hundred long turns. What an engine has room for is the engine's to say."""


class Bounds(NamedTuple):
    """What answers may be; see the settings of these names."""

    max_error: float
    max_sentences: int


class _Found(NamedTuple):
    """What there is on one question."""

    query: Query
    passages: list[Passage]
    confidence: float
    is_confident: bool


class Parts(NamedTuple):
    """What a pipeline is made of."""

    settings: Settings
    retrieve: Retrieval
    rerank: Reranker
    judge: Judge
    bounds: Callable[[str], Bounds]
    """Of answers from a collection, by its name."""
    engine: Engine
    prompts: Mapping[str, Prompt]
    searched: Callable[[], tuple[str, int]]
    """Fingerprint of the encoder and number of the generation that serve now."""
    checks: Sequence[Check] = ()
    cache: AnswerCache | None = None
    """None: every answer is made anew."""

    @property
    def made_by(self) -> MadeBy:
        """What an answer's manifest says of all answers alike."""
        return MadeBy(self.settings.engine, *self.searched())


class Pipeline:
    """Answers queries; holds no state between them."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    async def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        """Stream the answer; the last event, and only the last, is `completed` or `error`. Close the iterator to stop the engine.

        Raises:
            UserError: before the first event: the question is empty or too long, or names an unknown collection.
            InternalError: before the first event: the indexes cannot be searched.
        """
        query = self._checked(query)
        draft = Draft(self.parts.prompts, self.parts.made_by)
        if prompt := smalltalk(query.text):
            await asyncio.to_thread(self.parts.retrieve.check, query.collections)
            for event in draft.canned("smalltalk", (), prompt):
                yield event
            return
        cache = self.parts.cache
        asked = cache.ask(query, self.parts.made_by, self.parts.prompts, self.parts.engine) if cache is not None else None
        if cache is not None and asked and (known := await asyncio.to_thread(cache.find, asked)):
            for event in known:
                yield event
            return
        async with aclosing(keeping(cache, asked, self._is_whole, self._made(query, draft))) as events:
            async for event in events:
                yield event

    def _is_whole(self, answer: Answer) -> bool:
        return not self.parts.rerank.was_shed(answer.passages)

    async def _made(self, query: Query, draft: Draft) -> AsyncGenerator[AnswerEvent]:
        asked = [query]
        if not self.parts.engine.writes:  # a model that writes reads the whole of what was asked
            query = to_the_point(query)
            asked = divide(query)
        found = [await self._look_up(each, draft) for each in asked]
        passages = merged([each.passages for each in found])
        yield Retrieved(passages=tuple(passages), engine=self.parts.settings.engine)
        answered = [each for each in found if each.is_confident]
        draft.believes(min((each.confidence for each in answered), default=max(each.confidence for each in found)))
        if names := choices(query, passages, bool(answered)):
            for event in draft.canned("clarify", passages, "clarify", choices=listed(names)):
                yield event
            return
        if not answered:
            for event in draft.canned("abstained", passages, "abstention"):
                yield event
            return
        unanswered = [each.query.text for each in found if not each.is_confident]
        if unanswered:
            query = query.model_copy(update={"text": " ".join(each.query.text for each in answered)})
        async with aclosing(self._generated(query, passages, draft, unanswered)) as events:
            async for event in events:
                yield event

    async def _look_up(self, query: Query, draft: Draft) -> _Found:
        passages = await self._passages(query, draft)
        judge = self.parts.judge
        confidence = await asyncio.to_thread(judge.confidence, query, passages)
        draft.lap("judge")
        if not passages:
            return _Found(query, passages, confidence, is_confident=False)
        threshold = judge.threshold(passages, self.parts.bounds(passages[0].collection).max_error)
        return _Found(query, passages, confidence, confidence >= threshold)

    async def _generated(
        self, query: Query, passages: Sequence[Passage], draft: Draft, unanswered: Sequence[str]
    ) -> AsyncGenerator[AnswerEvent]:
        try:
            passages = await self._widened(query, passages)
            request = await self._request(query, passages)
            draft.engine_has(request)
            words = decline(generate(self.parts.engine.model, request), REFUSAL)
            note = await asyncio.to_thread(noted, query.text, request.passages, self.parts.prompts)
            stream = screen(cite(segment(disagree(words, note)), request.passages), self.parts.checks)
            async with aclosing(stream):
                async for item in stream:
                    if not isinstance(item, Stop):
                        yield draft.add(item)
                    elif item.finish_reason == "abstained":
                        for event in draft.canned("abstained", passages, "abstention"):
                            yield event
                    elif draft.is_empty():
                        raise InternalError("the engine said nothing; ask again, or in other words")
                    else:
                        left_open = self._left_open(query, passages, unanswered)
                        if left_open:
                            yield draft.add(Delta(text=left_open))
                        is_part = bool(left_open) or item.finish_reason == "length"
                        yield Completed(answer=draft.finish("partial" if is_part else "answered", passages, item))
        except ChatbotError as error:
            yield failed(error)
        except Exception:  # noqa: BLE001  an engine may raise anything, and its stream still has to end with an event
            _log.exception("an answer broke off")
            yield Failed(code="InternalError", message="something of ours failed; the log says what")

    def _left_open(self, query: Query, passages: Sequence[Passage], unanswered: Sequence[str]) -> str:
        """What the documents do not say; empty where nothing is missing."""
        said: list[str] = []
        if unanswered:
            said.append(self.parts.prompts["partial"].text("assistant", questions=markers.literal(" ".join(unanswered))))
        if numbers := unmentioned(query.text, passages):
            said.append(self.parts.prompts["unmentioned"].text("assistant", numbers=" and ".join(numbers)))
        return "".join(f"\n\n{each.strip()}" for each in said)

    async def _widened(self, query: Query, passages: Sequence[Passage]) -> Sequence[Passage]:
        tokens = self.parts.settings.retrieval.section_tokens
        if not self.parts.engine.writes or not tokens:
            return passages
        return await asyncio.to_thread(widen, passages, tokens, partial(self.parts.retrieve.near, query))

    async def _request(self, query: Query, passages: Sequence[Passage]) -> EngineRequest:
        """What the engine is asked, as much as it has room for."""
        engine, prompts = self.parts.engine, self.parts.prompts
        if not engine.writes:
            return compose_quote(query, passages, self.parts.bounds(passages[0].collection).max_sentences)
        sampling = query.sampling.of_one_text().over(engine.sampling) if query.sampling else engine.sampling
        known = [id_ for said in query.history for id_ in said.chunks]
        earlier = await asyncio.to_thread(self.parts.retrieve.recall, known, query) if known else {}

        def composed(cut: Cut) -> EngineRequest:
            return compose(query, passages, earlier, prompts, cut)

        return await fit(composed, len(passages), past_turns(query), engine.window, sampling)

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
        forms = search_forms(query)
        return await asyncio.to_thread(lambda: self.parts.rerank(query, self.parts.retrieve(query, forms, k)))

    def _checked(self, query: Query) -> Query:
        text, limit = writable(query.text).strip(), self.parts.settings.max_question_chars
        if not text:
            raise QuestionError("the question is empty; type what you want to know")
        if len(text) > limit:
            raise QuestionError(f"the question has {len(text):,} characters and the limit is {limit:,}; ask a shorter one")
        if (said := sum(len(turn.content) for turn in query.history)) > _MAX_HISTORY:
            raise QuestionError(f"the history has {said:,} characters and the limit is {_MAX_HISTORY:,}; send fewer turns")
        history = tuple(turn.model_copy(update={"content": writable(turn.content)}) for turn in query.history)
        return query.model_copy(update={"text": text, "history": history})

    async def _passages(self, query: Query, draft: Draft) -> list[Passage]:
        forms = await condense(query, self.parts.engine, self.parts.prompts)
        draft.lap("condense")
        top_k = self.parts.settings.retrieval.top_k

        found = await asyncio.to_thread(self.parts.retrieve, query, forms, top_k + _SPARE)
        draft.lap("retrieve")
        ordered = await asyncio.to_thread(self.parts.rerank, query, found)
        draft.lap("rerank")
        return select(query.text, ordered, top_k)


def failed(error: ChatbotError) -> Failed:
    """The event that tells of an error."""
    retry = error.retry_after_s if isinstance(error, EngineBusy) else None
    return Failed(code=type(error).__name__, message=str(error), retry_after_s=retry)


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
                raise from_code(event.code, event.message, event.retry_after_s)
    raise AssertionError("a stream ends with a terminal event")

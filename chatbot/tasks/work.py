"""One run of a task: fills in its prompts, asks the engine, and adds up what the calls cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.engines import structured
from chatbot.engines.parts import Engine
from chatbot.engines.structured import Schema
from chatbot.errors import OutputInvalid
from chatbot.flow.compose import EngineRequest
from chatbot.flow.generate import generate, stop_of
from chatbot.flow.messages import langchain_messages
from chatbot.flow.pipeline import Pipeline
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.prompts import Prompt
from chatbot.sampling import Sampling
from chatbot.schema import Delta, FinishReason, Message, Principal, Stop, Usage
from chatbot.tasks import documents
from chatbot.tasks.documents import Manuscript
from chatbot.tasks.room import Room, room_for


class TaskParts(NamedTuple):
    """What tasks are done with."""

    engine: Engine
    prompts: Mapping[str, Prompt]
    pipeline: Pipeline
    catalogue: Catalogue
    encoder: BiEncoder


class Work:
    """Belongs to one run of one task."""

    def __init__(self, parts: TaskParts, sampling: Sampling | None, principal: Principal) -> None:
        """
        Raises:
            BadParameter: the sampling does not go with the engine's own.
        """
        self.parts = parts
        self.given = sampling
        self.principal = principal
        self._sampling = sampling.of_one_text().over(parts.engine.sampling) if sampling else parts.engine.sampling
        self._usage = Usage()
        self._model = ""
        self._cut = False

    def prompt(self, name: str, **values: str) -> tuple[Message, ...]:
        """A prompt, filled in."""
        return tuple(self.parts.prompts[name].messages(**values))

    async def manuscript(self, name: str) -> Manuscript:
        """See `documents.find`."""
        return await asyncio.to_thread(documents.find, self.parts.catalogue, name, self.principal)

    async def room(self, at_most: int | None = None) -> Room | None:
        """The room of one call."""
        return await room_for(self.parts.engine.window, self._sampling, at_most)

    async def write(
        self, messages: Sequence[Message], at_most: int | None = None, continued: bool = False
    ) -> AsyncGenerator[str]:
        """What the engine writes, as it comes; `at_most` so many tokens. Closing it closes the engine's stream.

        Raises:
            PromptTooLong: the prompt does not fit.
            ChatbotError: the engine failed.
        """
        sampling = await self._fitting(messages, at_most)
        model = self.parts.engine.model
        if continued:
            model = cast(BaseChatModel, model.bind(continue_final_message=True))
        request = EngineRequest(messages=tuple(messages), sampling=sampling)
        async with aclosing(generate(model, request)) as items:
            async for item in items:
                if isinstance(item, Delta):
                    yield item.text
                else:
                    self._add(item)

    async def text(self, messages: Sequence[Message], at_most: int | None = None) -> str:
        """All that the engine writes; errors as for `write`."""
        return "".join([piece async for piece in self.write(messages, at_most)]).strip()

    async def decode(self, schema: Schema, messages: Sequence[Message]) -> Any:
        """A value of the schema; errors as for `write`.

        Raises:
            BadParameter: it is no schema.
            OutputInvalid: what the engine wrote does not follow it.
        """
        sampling = await self._fitting(messages, None)
        asked = self.parts.engine.model.with_structured_output(schema, include_raw=True, **sampling.given())
        said = cast(dict[str, Any], await asked.ainvoke(langchain_messages(messages)))
        raw = cast(AIMessage, said["raw"])
        self._add(stop_of(raw, Stop()))
        if said.get("parsing_error") or (said["parsed"] is None and isinstance(schema, type)):
            raise OutputInvalid(f"the engine's answer does not follow the schema: {said.get('parsing_error')}")
        # other engines than ours may hand on what they did not check
        if isinstance(schema, type):
            return said["parsed"]
        return await asyncio.to_thread(structured.conforming, schema, said["parsed"])

    def finished(self) -> Stop:
        """Of all calls together."""
        reason: FinishReason = "length" if self._cut else "stop"
        return Stop(usage=self._usage, model=self._model, finish_reason=reason)

    async def _fitting(self, messages: Sequence[Message], at_most: int | None) -> Sampling:
        room = await self.room(at_most)
        if room is None:
            return self._sampling.model_copy(update={"max_tokens": at_most}) if at_most else self._sampling
        await room.check(messages)
        return self._sampling.model_copy(update={"max_tokens": room.answer})

    def _add(self, stop: Stop) -> None:
        mine, its = self._usage, stop.usage
        self._usage = Usage(
            prompt_tokens=mine.prompt_tokens + its.prompt_tokens,
            completion_tokens=mine.completion_tokens + its.completion_tokens,
            cached_tokens=mine.cached_tokens + its.cached_tokens,
        )
        self._model = stop.model or self._model
        self._cut = self._cut or stop.finish_reason == "length"

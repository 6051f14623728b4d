"""An engine that writes, scripted, and tasks over it and a real catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fakes import ScriptedEngine
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel, RunnablePassthrough
from pydantic import Field

from chatbot.bootstrap import Application
from chatbot.engines import structured
from chatbot.engines.parts import Context, Engine
from chatbot.tasks.events import TaskEvent, TaskResult, last_result
from chatbot.tasks.tasks import Tasks
from chatbot.tasks.work import TaskParts

Reply = Callable[[Sequence[BaseMessage], Mapping[str, Any]], str]


class WritingEngine(ScriptedEngine):
    """Says what `reply` makes of the messages and options of a call; a JSON schema among the options is in `response_format`."""

    reply: Any = None
    options: list[dict[str, Any]] = Field(default_factory=list)

    def _script(self, messages: list[BaseMessage], kwargs: Mapping[str, Any]) -> Iterator[ChatGenerationChunk]:
        self.messages.append(messages)
        self.options.append(dict(kwargs))
        text = self.reply(messages, kwargs) if self.reply else "It is so."
        words = [text] if "response_format" in kwargs else text.split(" ")
        while True:
            for place, word in enumerate(words):
                yield ChatGenerationChunk(message=AIMessageChunk(content=word if not place else f" {word}"))
            if not self.endless:
                break
        prompt, completion = self.usage
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                response_metadata={"finish_reason": self.finish_reason, "model_name": "scripted-1"},
                usage_metadata={"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion},
            )
        )

    def with_structured_output(self, schema: Any, *, include_raw: bool = False, **kwargs: Any) -> Runnable[Any, Any]:
        asked = self.bind(response_format=structured.response_format(schema), **kwargs)
        parsed = RunnableLambda(lambda said: structured.validated(schema, said["raw"]))
        return RunnableParallel(raw=asked) | RunnablePassthrough.assign(parsed=parsed)


class WordWindow:
    """A token is a word, and a message takes one more."""

    def __init__(self, tokens: int, answer_tokens: int) -> None:
        self._context = Context(tokens, answer_tokens)

    async def context(self) -> Context:
        return self._context

    async def count(self, messages: Sequence[BaseMessage]) -> int:
        return sum(1 + len(message.text.split()) for message in messages)


def answering(value: Any) -> Reply:
    """Always the same JSON."""
    return lambda _messages, _options: json.dumps(value)


def conforming(_messages: Sequence[BaseMessage], options: Mapping[str, Any]) -> str:
    """The plainest JSON that a call's schema allows, else a sentence."""
    if "response_format" not in options:
        return "This is written by nobody."
    schema = options["response_format"]["json_schema"]["schema"]
    return json.dumps(_plainest(schema, schema.get("$defs", {})))


def _plainest(schema: Mapping[str, Any], named: Mapping[str, Any], number: int = 0) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {key: _plainest(schema["properties"][key], named, place) for place, key in enumerate(schema["required"])}
        case "array":
            return [_plainest(schema["items"], named, place) for place in range(schema.get("minItems", 1))]
        case "string":
            return f"word {number}"
        case "boolean":
            return True
        case _:
            return 1


def tasks_over(application: Application, engine: BaseChatModel | Engine) -> Tasks:
    """Tasks with another engine than the application's own."""
    return Tasks(
        TaskParts(
            engine=engine if isinstance(engine, Engine) else Engine(engine),
            prompts=application.prompts,
            pipeline=application.pipeline,
            catalogue=application.catalogue,
            encoder=application.encoder,
        )
    )


async def result_of(tasks: Tasks, name: str, **inputs: Any) -> TaskResult:
    return await last_result(tasks.run(name, inputs))


async def events_of(tasks: Tasks, name: str, **inputs: Any) -> list[TaskEvent]:
    return [event async for event in tasks.run(name, inputs)]

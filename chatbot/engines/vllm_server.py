"""The vLLM engine: a decoder model on a GPU host, as a LangChain chat model. It needs no package of vLLM's.

The first token is passed on at once, later ones in batches of at most `COALESCE_S`: what costs is the number of LangChain's
chunks, not of tokens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar, cast

from langchain_core.callbacks import AsyncCallbackManager, AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from chatbot.engines import structured, vllm_request, vllm_response
from chatbot.engines.parts import Engine, EngineParts
from chatbot.engines.sse import Events, EventTooLong
from chatbot.engines.vllm_http import VllmHttp
from chatbot.engines.vllm_models import VllmModels
from chatbot.engines.vllm_request import Options
from chatbot.errors import BadParameter, EngineBroke, ModelNotServed
from chatbot.sampling import PRESETS, Sampling
from chatbot.sections import VllmSettings

COALESCE_S = 0.03
"""Nobody sees a delay this short, and at 100 tokens a second it is three tokens for the price of one."""

ANSWER_TOKENS = 1024
"""Room kept for an answer where no max_tokens is configured."""

T = TypeVar("T")


class VllmEngine(BaseChatModel):
    """Every keyword argument of a call is one of `Sampling` or of `Options`; anything else is refused."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    settings: VllmSettings
    http: VllmHttp
    models: VllmModels
    defaults: Sampling
    """Preset and settings together."""

    @property
    def _llm_type(self) -> str:
        return "vllm"

    async def about(self) -> str:
        """Which model answers, and where.

        Raises:
            ChatbotError: none does; says what to do.
        """
        served = await self.models.served()
        room = f", context of {served.context:,} tokens" if served.context else ""
        return f"vllm: {served.name} at {self.settings.url}{room}"

    async def log_probabilities(self, text: str) -> list[float]:
        """Natural logarithm of the probability of each token of a text, but for the first, which nothing stands before.

        Raises:
            ChatbotError: the server could not be asked, or the text is longer than its context.
        """
        served = await self.models.served()
        request = {"model": served.name, "prompt": text, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
        async with self._named(request):
            return vllm_response.prompt_log_probabilities(await self.http.post("/v1/completions", request))

    async def astream(  # type: ignore[override]  a generator, which LangChain's is too
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[AIMessageChunk]:
        """As LangChain's, without its bookkeeping for callbacks where there are none: it costs as much as reading the stream."""
        callbacks = AsyncCallbackManager.configure(ensure_config(config).get("callbacks"), self.callbacks, self.verbose)
        if callbacks.handlers or self.rate_limiter or self.output_version == "v1":
            watched = cast(AsyncGenerator[AIMessageChunk], super().astream(input, config, stop=stop, **kwargs))
            async with aclosing(watched) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        async with aclosing(self._chunks(self._convert_input(input).to_messages(), stop, kwargs)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[ChatGenerationChunk]:
        async with aclosing(self._chunks(messages, stop, kwargs)) as chunks:
            async for chunk in chunks:
                yield ChatGenerationChunk(message=chunk)

    async def _chunks(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> AsyncGenerator[AIMessageChunk]:
        sampling, options = self._parsed(stop, kwargs)
        if sampling.n > 1:
            raise BadParameter(f"n = {sampling.n}: several answers cannot be streamed; ask for them without streaming")
        if sampling.beam_width:  # the likeliest is known only when all are finished
            whole = await self._completion(messages, sampling, options)
            yield vllm_response.as_chunk(whole.generations[0])
            return
        request = await self._request(messages, sampling, options)
        request |= {"stream": True, "stream_options": {"include_usage": True}}
        async with aclosing(self._gathered(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _gathered(self, request: dict[str, Any]) -> AsyncGenerator[AIMessageChunk]:
        events, gathered = Events(), vllm_response.Gathered()
        async with self._named(request), self.http.stream("/v1/chat/completions", request) as stream:
            while piece := await stream.read():
                for data in _events(events, piece):
                    stream.told()
                    gathered.add(data)
                if gathered.done:
                    break
                if gathered:
                    passed_on = time.monotonic()
                    yield gathered.take()
                    await stream.rest(passed_on + COALESCE_S - time.monotonic())
        if not gathered.finished:
            raise EngineBroke("the vLLM server ended the answer before it was finished; ask again")
        yield gathered.take()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await self._completion(messages, *self._parsed(stop, kwargs))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # with connections of its own: those of the pool belong to another event loop
        return _now(build_engine(self.settings)._agenerate(messages, stop, **kwargs))

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """A runnable whose result follows `schema`, a pydantic model or a JSON schema, and was checked to do so.

        Raises:
            BadParameter: it is not a schema.
        """
        kwargs.pop("method", None)  # there is one way here: the server decodes by the schema
        kwargs.pop("strict", None)
        asked = self.bind(response_format=structured.response_format(schema), **kwargs)

        def parse(message: AIMessage) -> Any:
            return structured.validated(schema, message)

        if include_raw:
            return RunnableParallel(raw=asked) | RunnablePassthrough.assign(parsed=lambda each: parse(each["raw"]))
        return asked | RunnableLambda(parse)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = True,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools. Only with `strict` do the arguments follow the tool's schema.

        tool_choice: "auto", "none", "required" (also "any" and True), or the name of a tool.
        """
        known = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        return self.bind(tools=known, tool_choice=_choice(tool_choice, known), **kwargs)

    def _parsed(self, stop: list[str] | None, kwargs: dict[str, Any]) -> tuple[Sampling, Options]:
        return vllm_request.parse({**kwargs, **({"stop": tuple(stop)} if stop else {})}, self.defaults)

    async def _completion(self, messages: list[BaseMessage], sampling: Sampling, options: Options) -> ChatResult:
        request = await self._request(messages, sampling, options)
        async with self._named(request):
            return vllm_response.result(await self.http.post("/v1/chat/completions", request))

    async def _request(self, messages: list[BaseMessage], sampling: Sampling, options: Options) -> dict[str, Any]:
        standing = {"priority": self.settings.priority, "cache_salt": self.settings.cache_salt or None}
        request = {name: value for name, value in standing.items() if value is not None}
        request |= vllm_request.body(messages, sampling, options)
        return {"model": (await self.models.served()).name, **request}

    @asynccontextmanager
    async def _named(self, request: Mapping[str, Any]) -> AsyncGenerator[None]:
        """Where the server does not know the model, say which it knows: it may have been restarted with another one."""
        try:
            yield
        except ModelNotServed as error:
            self.models.forget()
            raise await self.models.not_served(request["model"]) from error


def build_engine(settings: VllmSettings) -> VllmEngine:
    """The chat model alone, for use outside the flow."""
    http = VllmHttp(settings)
    defaults = settings.sampling.over(PRESETS[settings.preset])
    models = VllmModels(http, settings.model, defaults.max_tokens or ANSWER_TOKENS)
    return VllmEngine(settings=settings, http=http, models=models, defaults=defaults)


def build(parts: EngineParts) -> Engine:
    """Registered as `vllm`."""
    engine = build_engine(parts.settings.vllm)
    return Engine(
        engine,
        sampling=engine.defaults,
        window=engine.models,
        open=lambda: engine.http,
        about=engine.about,
        log_probabilities=engine.log_probabilities,
        continues=True,
    )


def _events(events: Events, piece: bytes) -> list[bytes]:
    try:
        return events.feed(piece)
    except EventTooLong as error:
        raise EngineBroke(f"the vLLM server sent something that is no part of an answer: {error}") from error


def _choice(wanted: str | bool | dict[str, Any] | None, tools: Sequence[dict[str, Any]]) -> str | dict[str, Any] | None:
    if wanted is True or wanted == "any":
        return "required"
    if not isinstance(wanted, str) or wanted in {"auto", "none", "required"}:
        return wanted or None
    names = [tool["function"]["name"] for tool in tools]
    if wanted not in names:
        raise BadParameter(f"tool_choice {wanted!r} is no tool; there are: {', '.join(names) or 'none'}")
    return {"type": "function", "function": {"name": wanted}}


def _now(work: Coroutine[Any, Any, T]) -> T:
    """Wait for it on a thread of its own: the caller's may have a running event loop, as in a notebook."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()

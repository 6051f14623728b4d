"""What a vLLM server answers, as LangChain's messages: chunks of a stream gathered, and whole completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCall, ToolCallChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers.openai_tools import make_invalid_tool_call, parse_tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic_core import from_json

from chatbot.engines import vllm_errors
from chatbot.errors import EngineBroke, OutputInvalid

DONE = b"[DONE]"
_GIVEN_UP = {"abort", "error"}


class Gathered:
    """Events of one stream that have come and were not passed on yet."""

    def __init__(self) -> None:
        self.finished = False
        """True once the server said why it ended."""
        self.done = False
        """True once it said that nothing follows."""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._has_called = False
        self._logprobs: list[Any] = []
        self._info: dict[str, Any] = {}
        self._usage: UsageMetadata | None = None

    def add(self, data: bytes) -> None:
        """Take up one event.

        Raises:
            EngineBroke: it is not what it should be, or tells of an error.
            EngineBusy: the server gave up for load.
        """
        if data == DONE:
            self.done = True
            return
        try:
            event = from_json(data)
            if error := event.get("error"):
                raise vllm_errors.reported(error)
            if usage := event.get("usage"):
                self._usage = _usage(usage)
            for choice in event.get("choices") or ():
                self._add_choice(choice, event.get("model"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise EngineBroke(f"the vLLM server sent something that is no part of an answer: {data[:80]!r}") from error

    def _add_choice(self, choice: Mapping[str, Any], model: str | None) -> None:
        delta = choice["delta"]
        if text := delta.get("content"):
            self._text.append(_string(text))
        if thought := delta.get("reasoning") or delta.get("reasoning_content"):
            self._reasoning.append(_string(thought))
        if calls := delta.get("tool_calls"):
            self._calls += calls
            self._has_called = True
        if logprobs := choice.get("logprobs"):
            self._logprobs += logprobs["content"]
        if reason := choice.get("finish_reason"):
            self.finished = True
            self._info |= {"finish_reason": ended(reason), "model_name": model or ""}

    def __bool__(self) -> bool:
        return bool(self._text or self._reasoning or self._calls)

    def take(self) -> AIMessageChunk:
        """All that was gathered, as one chunk; the next one begins empty.

        Raises:
            EngineBroke: it is not what it should be.
            OutputInvalid: a tool call was cut off, which LangChain would complete to one that nobody made.
        """
        info, self._info = self._info, {}
        if self._has_called and info.get("finish_reason") == "length":
            raise OutputInvalid(
                "the tool call was cut at its limit before its arguments ended; "
                "raise max_tokens (CHATBOT_VLLM__SAMPLING__MAX_TOKENS)"
            )
        if self._logprobs:
            info["logprobs"], self._logprobs = {"content": self._logprobs}, []
        try:
            message = AIMessageChunk(
                content="".join(self._text),
                additional_kwargs={"reasoning_content": "".join(self._reasoning)} if self._reasoning else {},
                tool_call_chunks=_joined(self._calls),
                response_metadata=info,
                usage_metadata=self._usage,
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise EngineBroke(f"the vLLM server sent something that is no part of an answer: {str(self._calls)[:80]}") from error
        self._text, self._reasoning, self._calls, self._usage = [], [], [], None
        return message


def result(completion: Mapping[str, Any]) -> ChatResult:
    """A whole completion.

    Raises:
        EngineBroke: it is not what it should be.
    """
    try:
        usage = _usage(completion["usage"]) if completion.get("usage") else None
        model = completion.get("model") or ""
        # the count is of all choices together: it stands on the first
        generations = [_generation(choice, model, None if place else usage) for place, choice in enumerate(completion["choices"])]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EngineBroke(f"the vLLM server sent something that is no answer: {str(completion)[:80]!r}") from error
    if not generations:
        raise EngineBroke("the vLLM server sent an answer without a choice")
    return ChatResult(generations=generations, llm_output={"model_name": model, "token_usage": completion.get("usage")})


def prompt_log_probabilities(completion: Mapping[str, Any]) -> list[float]:
    """Of the prompt's tokens but for the first; the token that stands there comes first among those the server names."""
    named: Sequence[Mapping[str, Any] | None] = completion["choices"][0]["prompt_logprobs"]
    return [float(next(iter(each.values()))["logprob"]) for each in named if each]


def as_chunk(generation: ChatGeneration) -> AIMessageChunk:
    """A whole generation as the only chunk of a stream."""
    message = generation.message
    assert isinstance(message, AIMessage)
    return AIMessageChunk(
        content=message.text, response_metadata=message.response_metadata, usage_metadata=message.usage_metadata
    )


def ended(reason: str) -> str:
    """The finish reason, unless the server gave up: then the text is no answer.

    Raises:
        EngineBroke: see above.
    """
    if reason in _GIVEN_UP:
        raise EngineBroke("the vLLM server gave up the answer; ask again")
    return reason


def _generation(choice: Mapping[str, Any], model: str, usage: UsageMetadata | None) -> ChatGeneration:
    said = choice["message"]
    info: dict[str, Any] = {"finish_reason": ended(choice.get("finish_reason") or "stop"), "model_name": model}
    if logprobs := choice.get("logprobs"):
        info["logprobs"] = {"content": logprobs["content"]}
    thought = said.get("reasoning") or said.get("reasoning_content")
    calls, broken = _calls(said.get("tool_calls") or ())
    message = AIMessage(
        content=_string(said.get("content") or ""),
        additional_kwargs={"reasoning_content": thought} if thought else {},
        tool_calls=calls,
        invalid_tool_calls=broken,
        response_metadata=info,
        usage_metadata=usage,
    )
    return ChatGeneration(message=message, generation_info=info)


def _calls(raw: Any) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    calls: list[Any] = []
    broken: list[Any] = []
    for call in raw:
        try:
            calls.append(parse_tool_call(call, return_id=True))
        except OutputParserException as error:
            broken.append(make_invalid_tool_call(call, str(error)))
    return calls, broken


def _joined(deltas: Sequence[Mapping[str, Any]]) -> list[ToolCallChunk]:
    """One chunk for each call: LangChain joins the pieces of a call between chunks, and not those inside of one."""
    joined: dict[int, ToolCallChunk] = {}
    for delta in deltas:
        function, place = delta.get("function") or {}, delta.get("index", 0)
        before = joined.get(place) or tool_call_chunk(index=place)
        joined[place] = tool_call_chunk(
            name=before["name"] or function.get("name"),
            args=(before["args"] or "") + (function.get("arguments") or ""),
            id=before["id"] or delta.get("id"),
            index=place,
        )
    return list(joined.values())


def _usage(counted: Mapping[str, Any]) -> UsageMetadata:
    prompt, completion = counted["prompt_tokens"], counted.get("completion_tokens") or 0
    usage = UsageMetadata(input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion)
    if cached := (counted.get("prompt_tokens_details") or {}).get("cached_tokens"):
        usage["input_token_details"] = {"cache_read": cached}
    return usage


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is a {type(value).__name__}")
    return value

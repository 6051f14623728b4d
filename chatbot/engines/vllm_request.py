"""What is asked of a vLLM server: messages and validated parameters in, the body of a chat completion out.

vLLM ignores fields it does not know, and then does something else than was asked. So nothing unknown goes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_openai_messages
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatbot.errors import BadParameter, first_mistake
from chatbot.sampling import Sampling

_SAMPLING = frozenset(Sampling.model_fields)


class Options(BaseModel):
    """What a call may set beside its sampling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    """A served model or a LoRA adapter, instead of the configured one."""
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    structured_outputs: dict[str, Any] | None = None
    """vLLM's own: one of `json`, `choice`, `regex`, `grammar`."""
    documents: list[dict[str, Any]] | None = None
    """For models whose chat template has a place for documents; other templates drop them without a word."""
    chat_template_kwargs: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    continue_final_message: bool | None = None
    """The last message is the beginning of the answer, and the model goes on from there."""
    priority: int | None = Field(default=None, ge=-(2**31), lt=2**31)
    cache_salt: str | None = Field(default=None, min_length=1)


def parse(given: Mapping[str, Any], defaults: Sampling) -> tuple[Sampling, Options]:
    """Sort a call's keyword arguments into sampling, laid over `defaults`, and options.

    Raises:
        BadParameter: one is unknown, out of range, or without effect beside another.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if "max_completion_tokens" in given:  # OpenAI's newer name
        given["max_tokens"] = given.pop("max_completion_tokens")
    try:
        sampling = Sampling(**{name: value for name, value in given.items() if name in _SAMPLING})
        options = Options(**{name: value for name, value in given.items() if name not in _SAMPLING})
        return sampling.over(defaults), options
    except ValidationError as error:
        mistake = error.errors()[0]
        if mistake["type"] == "extra_forbidden":
            raise BadParameter(f"the vLLM engine has no parameter {mistake['loc'][0]!r}") from error
        shown = f" (given: {mistake['input']!r})" if mistake["loc"] else ""
        raise BadParameter(f"{first_mistake([mistake])}{shown}") from error


def body(messages: Sequence[BaseMessage], sampling: Sampling, options: Options) -> dict[str, Any]:
    """The JSON of POST /v1/chat/completions, without `stream`."""
    chosen = options.model_dump(exclude_none=True)
    if options.continue_final_message:
        chosen["add_generation_prompt"] = False
    return {"messages": wire_messages(messages), **_sampling(sampling), **chosen}


def wire_messages(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """LangChain's messages as OpenAI's."""
    return convert_to_openai_messages(messages)


def _sampling(sampling: Sampling) -> dict[str, Any]:
    wire = sampling.given()
    if (logprobs := wire.pop("logprobs", None)) is not None:
        wire |= {"logprobs": True, "top_logprobs": logprobs}
    if (width := wire.pop("beam_width", None)) is not None:
        wire |= {"use_beam_search": True, "n": width}
    return wire

"""What a vLLM server's refusals mean, in our errors: status and body in, an exception out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from chatbot.errors import BadParameter, ChatbotError, EngineBroke, EngineBusy, KeyRefused, ModelNotServed, PromptTooLong

_TOO_LONG = re.compile(
    r"maximum context length is ([\d,]+) tokens.*?(?:prompt contains (at least )?|\()([\d,]+)(?: in the messages| input tokens|"
    r" characters)",
    re.DOTALL,
)
"""Wording of vLLM 0.32: renderers/params.py. The part behind the bar is what OpenAI and older servers say."""

_LONGEST = 400
"""Characters of a server's own words that go into a message."""


def refusal(status: int, body: bytes, headers: Mapping[str, str]) -> ChatbotError:
    """The error that a response other than 200 stands for. `ModelNotServed` still has to be told what is served."""
    said, param = _read(body)
    if status == 401 or status == 403:
        return KeyRefused("the vLLM server refuses the API key, or got none; set CHATBOT_VLLM__API_KEY to the server's --api-key")
    if status in {429, 503}:
        return EngineBusy(f"the vLLM server is busy and takes no more questions now ({said}); ask again", _after(headers))
    if status == 404 and "model" in said.lower():
        return ModelNotServed(said)
    if status in {400, 413, 422}:
        return too_long(said) or BadParameter(_bad(said, param))
    if 400 <= status < 500:
        return EngineBroke(f"the server answered HTTP {status} ({said}); is CHATBOT_VLLM__URL the address of a vLLM server?")
    if 300 <= status < 400:
        return EngineBroke(
            f"the vLLM server's address leads elsewhere (HTTP {status} to {_short(headers.get('Location', ''))!r}); "
            "set CHATBOT_VLLM__URL to the address itself"
        )
    return EngineBroke(f"the vLLM server failed with HTTP {status} ({said}); its log says why")


def reported(error: Any) -> ChatbotError:
    """The error that a server sends in the middle of a stream, whose status was sent long before."""
    said = str(error.get("message") or error) if isinstance(error, dict) else str(error)
    code = error.get("code") if isinstance(error, dict) else None
    if code in {429, 503}:
        return EngineBusy(f"the vLLM server gave up the answer for load ({_short(said)}); ask again")
    if code in {400, 422}:  # vLLM looks at a schema only when the stream has begun
        return too_long(said) or BadParameter(_bad(_short(said), ""))
    return EngineBroke(f"the vLLM server broke off the answer ({_short(said)}); its log says why")


def too_long(said: str) -> PromptTooLong | None:
    """Both numbers, where the server's words hold them."""
    if not (numbers := _TOO_LONG.search(said)):
        return None
    room, at_least, length = numbers.groups()
    unit = "characters" if "characters" in numbers.group() else "tokens"
    return PromptTooLong(
        f"the prompt has {at_least or ''}{length} {unit} and the model's context is {room} tokens; shorten the text, "
        "or serve the model with a larger --max-model-len"
    )


def _bad(said: str, param: str) -> str:
    named = f"{param}: " if param and param not in said else ""
    return f"the vLLM server refuses a parameter: {named}{said}"


def _read(body: bytes) -> tuple[str, str]:
    """The server's sentence and the parameter it names, out of whatever it sent."""
    try:
        parsed = from_json(body)
    except ValueError:
        parsed = None
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else None
    if isinstance(error, dict):
        return _short(str(error.get("message") or error.get("detail") or error)), str(error.get("param") or "")
    text = str(error or (parsed if isinstance(parsed, str) else body.decode("utf-8", "replace")))
    return "a page for people" if text.lstrip().startswith("<") else _short(text) or "it said nothing", ""


def _short(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _after(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After; its other form, a date, is not worth a parser."""
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None

"""What a scripted vLLM server says: answers, refusals, and the faults that can be laid over an answer.

Bodies have the shape of vLLM 0.32's (`vllm/entrypoints`: openai/chat_completion/serving.py and serve/exception_handling); nothing
here knows about sockets. A script becomes a list of steps, and a fault is a function from steps to steps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, Protocol

Kind = Literal["head", "role", "delta", "finish", "usage", "done", "other"]

CREATED = 1_790_000_000
ENGINE_DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause."
BUSY = "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance."

_SENTENCES = (
    "The kettle holds four litres, and its lid is blue [1].",
    "It boils in about three minutes (at sea level) [2].",
    "Dr. Müller measured 3.5 kW; the label says 3.2 kW.",
    "Is that too much? No, the fuse allows 16 A [1][3].",
    "Empty it once a week, e.g. on Monday, so that no scale remains.",
    "The handbook — second edition — says “never above the mark” [2].",
)


@dataclass(frozen=True)
class Send:
    """Write bytes of the body; `tokens` of them count as generated."""

    data: bytes
    kind: Kind = "other"
    tokens: int = 0


@dataclass(frozen=True)
class Head:
    """Write the status line and the headers."""

    status: int = 200
    content_type: str = "text/event-stream; charset=utf-8"
    length: int | None = None
    """None: chunked."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Pace:
    """Write one frame, a chunk that is a token, every `gap_s`, the first at once; all such streams share the server's tick."""

    frames: tuple[bytes, ...]
    gap_s: float


@dataclass(frozen=True)
class Pause:
    """Write nothing for a time; infinity: until the client leaves."""

    seconds: float = math.inf


@dataclass(frozen=True)
class Flood:
    """Write `data` again and again as fast as the client reads, `times` times or until it leaves."""

    data: bytes
    times: float = math.inf
    tokens: int = 0
    """Per writing."""


@dataclass(frozen=True)
class End:
    """Close the connection here, by RST with `reset`; `clean` ends the body in order instead, and the connection stays."""

    clean: bool = False
    reset: bool = False


@dataclass(frozen=True)
class Raw:
    """Bytes for the wire as they are, chunk framing included."""

    data: bytes


Step = Head | Send | Pace | Pause | Flood | Raw | End


class Fault(Protocol):
    def __call__(self, steps: list[Step]) -> list[Step]: ...


def words(count: int) -> tuple[str, ...]:
    """`count` varied tokens that join to sentences with full stops, markers, and characters of two and three bytes."""
    pool = [word for sentence in _SENTENCES for word in sentence.split(" ")]
    return tuple(("" if index == 0 else " ") + pool[index % len(pool)] for index in range(count))


def chunk(data: bytes) -> bytes:
    """One chunk of HTTP/1.1's chunked coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(value: Any) -> bytes:
    """One event as vLLM writes it: a data line of compact JSON, not escaped to ASCII."""
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


@dataclass(frozen=True)
class Answer:
    """A completion that succeeds unless `faults` say otherwise."""

    tokens: tuple[str, ...] = words(40)
    finish_reason: str = "stop"
    headers_s: float = 0
    """Before the status line: vLLM is still preparing the request."""
    prefill_s: float = 0
    """Between the headers and the first event."""
    gap_s: float = 0
    """Between tokens."""
    cached_tokens: int | None = None
    content_type: str = "text/event-stream; charset=utf-8"
    faults: tuple[Fault, ...] = ()

    @property
    def text(self) -> str:
        """What a client should have read at the end."""
        return "".join(self.tokens)

    def steps(self, model: str, prompt_tokens: int, body: Mapping[str, Any]) -> list[Step]:
        """The reply to a request."""
        if not body.get("stream"):
            return self._whole(model, prompt_tokens)
        return self._stream(model, prompt_tokens, bool((body.get("stream_options") or {}).get("include_usage")))

    def _stream(self, model: str, prompt_tokens: int, usage: bool) -> list[Step]:
        role = {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        finish = {
            "index": 0,
            "delta": {"content": ""},
            "logprobs": None,
            "finish_reason": self.finish_reason,
            "stop_reason": None,
            "token_ids": None,
        }
        steps: list[Step] = [*_pause(self.headers_s), Head(content_type=self.content_type), *_pause(self.prefill_s)]
        steps.append(Send(_part(model, [role], prompt_token_ids=None, prompt_text=None), "role"))
        if self.gap_s and not self.faults:
            steps.append(Pace(_frames(self.tokens, model), self.gap_s))
        else:
            for number, data in enumerate(_deltas(self.tokens, model)):
                steps += [*_pause(self.gap_s if number else 0), Send(data, "delta", 1)]
        steps.append(Send(_part(model, [finish]), "finish"))
        if usage:
            steps.append(Send(_part(model, [], usage=self._usage(prompt_tokens), system_fingerprint=_FINGERPRINT), "usage"))
        steps.append(Send(b"data: [DONE]\n\n", "done"))
        for fault in self.faults:
            steps = fault(steps)
        return steps

    def _whole(self, model: str, prompt_tokens: int) -> list[Step]:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": self.text, "refusal": None, "annotations": None, "audio": None,
                        "function_call": None, "reasoning": None},
            "logprobs": None,
            "finish_reason": self.finish_reason,
            "stop_reason": None,
            "token_ids": None,
            "routed_experts": None,
        }  # fmt: skip
        body = {
            **_COMMON,
            "object": "chat.completion",
            "model": model,
            "choices": [choice],
            "service_tier": None,
            "system_fingerprint": _FINGERPRINT,
            "usage": {**self._usage(prompt_tokens), "prompt_tokens_details": self._details()},
            "prompt_logprobs": None,
            "prompt_token_ids": None,
            "prompt_text": None,
            "kv_transfer_params": None,
        }
        steps: list[Step] = _pause(self.headers_s + self.prefill_s + self.gap_s * max(0, len(self.tokens) - 1))
        steps += document(200, body)
        for fault in self.faults:
            steps = fault(steps)
        return steps

    def _usage(self, prompt_tokens: int) -> dict[str, Any]:
        said = len(self.tokens)
        usage: dict[str, Any] = {
            "prompt_tokens": prompt_tokens,
            "total_tokens": prompt_tokens + said,
            "completion_tokens": said,
        }
        return usage | ({"prompt_tokens_details": self._details()} if self.cached_tokens is not None else {})

    def _details(self) -> dict[str, Any] | None:
        return None if self.cached_tokens is None else {"cached_tokens": self.cached_tokens}


_COMMON = {"id": "chatcmpl-8a2f0c51d7e94b36", "object": "chat.completion.chunk", "created": CREATED}
_FINGERPRINT = "vllm-0.32.0-fake"


def _part(model: str, choices: list[Any], **more: Any) -> bytes:
    return event({**_COMMON, "model": model, "choices": choices, **more})


@lru_cache(maxsize=64)
def _deltas(tokens: tuple[str, ...], model: str) -> tuple[bytes, ...]:
    """A long answer is put into bytes once, not once a request."""
    rest = {"logprobs": None, "finish_reason": None, "token_ids": None}
    return tuple(_part(model, [{"index": 0, "delta": {"content": token}, **rest}]) for token in tokens)


@lru_cache(maxsize=64)
def _frames(tokens: tuple[str, ...], model: str) -> tuple[bytes, ...]:
    return tuple(map(chunk, _deltas(tokens, model)))


def _pause(seconds: float) -> list[Step]:
    return [Pause(seconds)] if seconds else []


def document(
    status: int, body: Any, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> list[Step]:
    """A whole reply with a length; a body that is not bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return [Head(status, content_type, len(data), tuple((headers or {}).items())), Send(data)]


@dataclass(frozen=True)
class Refusal:
    """A reply that is no completion."""

    status: int
    body: Any
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_s: float = 0

    def steps(self, model: str, prompt_tokens: int, body: Mapping[str, Any]) -> list[Step]:
        """The same to every request."""
        return [*_pause(self.headers_s), *document(self.status, self.body, self.content_type, self.headers)]


@dataclass(frozen=True)
class Steps:
    """Anything else, step by step."""

    given: tuple[Step, ...]

    def steps(self, model: str, prompt_tokens: int, body: Mapping[str, Any]) -> list[Step]:
        """As given."""
        return list(self.given)


Script = Answer | Refusal | Steps


def error(status: int, message: str, kind: str, param: str | None = None) -> dict[str, Any]:
    """vLLM's error body."""
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


def busy() -> Refusal:
    """`--max-num-queued-reqs` is reached; there is no Retry-After."""
    return Refusal(503, error(503, BUSY, "Service Unavailable"))


def too_many(retry_after: str = "1") -> Refusal:
    """A gateway's limit: vLLM itself never says 429."""
    return Refusal(429, error(429, "Too many requests", "Too Many Requests"), headers={"retry-after": retry_after})


def broken() -> Refusal:
    """The engine is dead, and every request says so until the server ends."""
    return Refusal(500, error(500, ENGINE_DEAD, "InternalServerError"))


def not_served(model: str, served: str = "fake") -> Refusal:
    """A name the server does not know."""
    return Refusal(404, error(404, f"The model `{model}` does not exist. Valid aliases: {served}.", "NotFoundError", "model"))


def unauthorized() -> Refusal:
    """The middleware's own body, not that of other errors."""
    return Refusal(401, {"error": "Unauthorized"})


def too_long(limit: int = 2048) -> Refusal:
    """More prompt tokens than the model has room for; the tokenizer stopped counting at one too many."""
    message = (
        f"This model's maximum context length is {limit} tokens. However, your prompt contains at least {limit + 1} input "
        "tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt."
    )
    return Refusal(400, _invalid(message, "input_tokens", limit + 1))


def too_many_characters(characters: int, limit: int = 2048, per_token: int = 16) -> Refusal:
    """So many characters that no tokenizer run is needed."""
    message = (
        f"This model's maximum context length is {limit} tokens. However, your prompt contains {characters} characters "
        f"(more than {limit * per_token} characters, which is the upper bound for {limit} input tokens). "
        "Please reduce the length of the input prompt."
    )
    return Refusal(400, _invalid(message, "input_text", characters))


def too_many_wanted(wanted: int, limit: int = 2048) -> Refusal:
    """`max_tokens` above the context length. A smaller one that does not fit beside the prompt is cut without a word."""
    message = f"max_tokens={wanted} cannot be greater than max_model_len={limit}. Please request fewer output tokens."
    return Refusal(400, _invalid(message, "max_tokens", wanted))


def bad_parameter(
    message: str = "temperature must be in [0, 2], got 3.0.", param: str = "temperature", value: Any = 3.0
) -> Refusal:
    """A sampling parameter out of its range."""
    return Refusal(400, _invalid(message, param, value))


def _invalid(message: str, param: str, value: Any) -> dict[str, Any]:
    return error(400, f"{message} (parameter={param}, value={value})", "BadRequestError", param)


@dataclass(frozen=True)
class Stall:
    """Stop for a time after `after` tokens; 0: before the first event, headers sent."""

    after: int = 0
    seconds: float = math.inf

    def __call__(self, steps: list[Step]) -> list[Step]:
        place = _place(steps, self.after)
        return [*steps[:place], Pause(self.seconds), *steps[place:]]


@dataclass(frozen=True)
class Cut:
    """Close the connection after `after` tokens, or before the first step of `before`.

    `extra` bytes of the next event go out first; `clean` ends the body in order, as a proxy does that lost its server.
    """

    after: int = 0
    before: Kind | None = None
    extra: int = 0
    clean: bool = False
    reset: bool = False

    def __call__(self, steps: list[Step]) -> list[Step]:
        place = _place(steps, self.after) if self.before is None else _first(steps, self.before)
        following = next((step for step in steps[place:] if isinstance(step, Send)), Send(b""))
        part: list[Step] = [Send(following.data[: self.extra])] if self.extra else []
        return [*steps[:place], *part, End(self.clean, self.reset)]


@dataclass(frozen=True)
class CutInCharacter:
    """Close the connection between two bytes of the first character that has more than one."""

    clean: bool = False

    def __call__(self, steps: list[Step]) -> list[Step]:
        for place, step in enumerate(steps):
            if isinstance(step, Send) and not step.data.isascii():
                end = next(index for index, byte in enumerate(step.data) if byte > 127) + 1
                return [*steps[:place], Send(step.data[:end]), End(self.clean)]
        raise AssertionError("the answer has no such character")


@dataclass(frozen=True)
class Without:
    """Leave out every event of a kind: an answer without [DONE], without a finish reason, without a role."""

    kind: Kind

    def __call__(self, steps: list[Step]) -> list[Step]:
        return [step for step in steps if not (isinstance(step, Send) and step.kind == self.kind)]


@dataclass(frozen=True)
class Insert:
    """Any bytes after `after` tokens; `last`: the body ends with them."""

    data: bytes
    after: int = 0
    last: bool = False

    def __call__(self, steps: list[Step]) -> list[Step]:
        place = _place(steps, self.after)
        return [*steps[:place], Send(self.data), *([] if self.last else steps[place:])]


@dataclass(frozen=True)
class EngineDied:
    """What vLLM streams when its engine dies: an error event, [DONE], and a body that ends in order."""

    after: int = 3
    message: str = ENGINE_DEAD

    def __call__(self, steps: list[Step]) -> list[Step]:
        said = json.dumps(error(500, self.message, "InternalServerError")).encode()
        return Insert(b"data: " + said + b"\n\ndata: [DONE]\n\n", self.after, last=True)(steps)


@dataclass(frozen=True)
class Endless:
    """After `after` tokens the same bytes for ever; the default is a line that never ends."""

    data: bytes = b"x" * 65536
    after: int = 0
    times: float = math.inf
    tokens: int = 0

    def __call__(self, steps: list[Step]) -> list[Step]:
        place = _place(steps, self.after)
        return [
            *steps[:place],
            Send(b"" if self.tokens else b"data: "),
            Flood(self.data, self.times, self.tokens),
            *steps[place:],
        ]


@dataclass(frozen=True)
class LineEnds:
    """Other line ends, which the standard of Server-Sent Events allows."""

    end: bytes = b"\r\n"

    def __call__(self, steps: list[Step]) -> list[Step]:
        return _sends(steps, lambda data: data.replace(b"\n", self.end))


@dataclass(frozen=True)
class Comments:
    """A comment before every event, as `--sse-keep-alive-interval` sends them, and fields nobody asked for."""

    lines: bytes = b": keep-alive\n\nid: 7\nretry: 3000\n"

    def __call__(self, steps: list[Step]) -> list[Step]:
        return _sends(steps, lambda data: self.lines + data)


@dataclass(frozen=True)
class DataLines:
    """Every event's JSON over several data lines, one of them without the space behind the colon."""

    def __call__(self, steps: list[Step]) -> list[Step]:
        return _sends(
            steps, lambda data: data.replace(b',"choices"', b',\ndata:"choices"').replace(b',"created"', b',\ndata: "created"')
        )


@dataclass(frozen=True)
class Merge:
    """The whole body in one write: very many tokens at once."""

    def __call__(self, steps: list[Step]) -> list[Step]:
        return Split(())(steps)


@dataclass(frozen=True)
class Split:
    """The body in pieces cut at `offsets` (bytes from its begin), each a chunk and a write of its own."""

    offsets: tuple[int, ...]

    def __call__(self, steps: list[Step]) -> list[Step]:
        sent = [step for step in steps if isinstance(step, Send)]
        data = b"".join(step.data for step in sent)
        edges = [0, *sorted({offset for offset in self.offsets if 0 < offset < len(data)}), len(data)]
        pieces = [Send(data[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
        pieces[-1] = replace(pieces[-1], tokens=sum(step.tokens for step in sent))
        return [*(step for step in steps if not isinstance(step, Send)), *pieces]


def _sends(steps: Iterable[Step], change: Callable[[bytes], bytes]) -> list[Step]:
    return [replace(step, data=change(step.data)) if isinstance(step, Send) else step for step in steps]


def _first(steps: list[Step], kind: Kind) -> int:
    if kind == "head":
        return next(place for place, step in enumerate(steps) if isinstance(step, Head))
    return next(place for place, step in enumerate(steps) if isinstance(step, Send) and step.kind == kind)


def _place(steps: list[Step], tokens: int) -> int:
    """Index of the step before which `tokens` tokens have been sent; 0 tokens: before the first event."""
    if tokens == 0:
        return _first(steps, "head") + 1
    seen = 0
    for place, step in enumerate(steps):
        seen += step.tokens if isinstance(step, Send) else 0
        if seen >= tokens:
            return place + 1
    raise AssertionError(f"the answer has {seen} tokens, not {tokens}")

"""What every engine may be built from, and what its builder gives: the two ends of the callables in `chatbot.engines`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.encoders.cross_encoder import CrossEncoder
from chatbot.prompts import Prompt
from chatbot.sampling import Sampling
from chatbot.settings import Settings


class EngineParts(NamedTuple):
    encoder: BiEncoder
    prompts: Mapping[str, Prompt]
    settings: Settings
    reader: CrossEncoder | None = None
    """Reads question and passage together; None where it is not installed or not wanted."""


class Context(NamedTuple):
    """The room of a model."""

    tokens: int
    """Of prompt and answer together."""
    answer_tokens: int
    """What an answer may take of it."""


class Window(Protocol):
    """Tells how much fits into a model's context, in its own tokens."""

    async def context(self) -> Context:
        """How much room there is."""
        ...

    async def count(self, messages: Sequence[BaseMessage]) -> int:
        """Tokens of a prompt, chat template included."""
        ...


class Engine(NamedTuple):
    """A chat model, and what the flow may expect of it."""

    model: BaseChatModel
    writes: bool = True
    """It follows a prompt, with the passages inside. False: it quotes `documents`, handed over beside the question."""
    sampling: Sampling = Sampling()
    """What a question's own sampling is laid over."""
    window: Window | None = None
    """None: nothing is counted, and the engine has to cope with what it gets."""
    open: Callable[[], AbstractAsyncContextManager[Any]] = nullcontext
    """What it holds open while many questions are asked in one event loop, such as a pool of connections."""
    about: Callable[[], Coroutine[Any, Any, str]] | None = None
    """Asks its server, and says in a few words who answers; None: there is no server."""
    log_probabilities: Callable[[str], Coroutine[Any, Any, list[float]]] | None = None
    """Natural logarithms of the probability of each token of a text, behind those before it; None: the engine tells none."""
    continues: bool = False
    """It takes the option `continue_final_message`: the last message is the beginning of its answer."""


def as_engine(built: Engine | BaseChatModel) -> Engine:
    """A builder may give a chat model alone: then it is one that writes."""
    return built if isinstance(built, Engine) else Engine(built)

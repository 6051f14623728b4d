"""Which models a vLLM server has, how much room they have, and how they cut a text into tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import BaseMessage

from chatbot.engines import byte_level, vllm_request
from chatbot.engines.parts import Context
from chatbot.engines.vllm_http import VllmHttp
from chatbot.errors import EngineBroke, ModelNotServed


class Served(NamedTuple):
    """A model on the server."""

    name: str
    context: int
    """Tokens of prompt and answer together; 0: the server does not say."""


class VllmModels:
    """A `Window`. Asks once, and again after `forget`: a server may be restarted with another model."""

    def __init__(self, http: VllmHttp, wanted: str, answer_tokens: int) -> None:
        self._http = http
        self._wanted = wanted
        self._answer_tokens = answer_tokens
        self._served: Served | None = None

    def forget(self) -> None:
        """Ask the server again before the next prompt."""
        self._served = None

    async def served(self) -> Served:
        """The model that answers.

        Raises:
            ModelNotServed: there is none of the configured name.
            ChatbotError: see `VllmHttp.post`.
        """
        if self._served is None:
            cards = await self._cards()
            card = next((card for card in cards if self._wanted in {"", card["id"]}), None)
            if card is None:
                raise _not_served(self._wanted, cards)
            # an adapter's card does not say; it has the room of the model it is for
            parent = next((each for each in cards if each["id"] == card.get("parent")), card)
            self._served = Served(card["id"], _context(card) or _context(parent))
        return self._served

    async def not_served(self, name: str) -> ModelNotServed:
        """The error that says what is served instead of `name`."""
        return _not_served(name, await self._cards())

    async def context(self) -> Context:
        """The room of the model; an answer takes at most a quarter of a small one.

        Raises:
            EngineBroke: the server does not say.
            ChatbotError: see `served`.
        """
        name, tokens = await self.served()
        if not tokens:
            raise EngineBroke(f"the server does not say how long the context of {name!r} is (max_model_len); is it vLLM?")
        return Context(tokens, min(self._answer_tokens, tokens // 4))

    async def count(self, messages: Sequence[BaseMessage]) -> int:
        """Tokens of a prompt, cut by the served model's own tokenizer behind its chat template.

        Raises:
            ChatbotError: see `VllmHttp.post`.
        """
        wire = vllm_request.wire_messages(messages)
        return len((await self._tokenized({"messages": wire}))["tokens"])

    async def tokens(self, text: str) -> list[tuple[int, str]]:
        """Id and text of each token of `text`, special ones not added.

        Raises:
            ChatbotError: see `VllmHttp.post`.
        """
        said = await self._tokenized({"prompt": text, "add_special_tokens": False, "return_token_strs": True})
        try:
            return list(zip(said["tokens"], byte_level.readable(said["token_strs"], text), strict=True))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineBroke("the server does not say what text its tokens have; is it vLLM?") from error

    async def _tokenized(self, body: dict[str, Any]) -> dict[str, Any]:
        said = await self._http.post("/tokenize", {"model": (await self.served()).name, **body})
        if not isinstance(said, dict) or not isinstance(said.get("tokens"), list):
            raise EngineBroke("the server does not say how it cuts a text; is it vLLM?")
        return said

    async def _cards(self) -> list[dict[str, Any]]:
        said = await self._http.get("/v1/models")
        try:
            return [{"id": str(card["id"]), **card} for card in said["data"]]
        except (KeyError, TypeError) as error:
            raise EngineBroke("the server does not list its models at /v1/models; is it vLLM?") from error


def _context(card: Mapping[str, Any]) -> int:
    tokens = card.get("max_model_len")
    return tokens if isinstance(tokens, int) and tokens > 0 else 0


def _not_served(name: str, cards: Sequence[dict[str, Any]]) -> ModelNotServed:
    there_are = ", ".join(card["id"] for card in cards) or "none"
    wanted = f"there is no model {name!r} on the vLLM server" if name else "the vLLM server serves no model"
    return ModelNotServed(f"{wanted}; there are: {there_are}; set CHATBOT_VLLM__MODEL to one of them")

"""The sections of the settings, each a table of chatbot.toml: what there is to choose, and what is allowed."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from chatbot import __version__
from chatbot.errors import BadParameter
from chatbot.sampling import Preset, Sampling


class Section(BaseModel):
    """A table of chatbot.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderSettings(Section):
    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """A local folder or a name on the model hub, in sentence-transformers' format."""
    threads: int = Field(default=1, ge=1, le=64)
    """Threads for one question; documents use every core."""


class ChunkSettings(Section):
    min_tokens: int = Field(default=100, ge=8)
    max_tokens: int = Field(default=230, ge=16, le=480)
    """A chunk is closed at the best boundary between the two, counted by the encoder's own tokenizer."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} is above max_tokens {self.max_tokens}; set both")
        return self


class RetrievalSettings(Section):
    candidates: int = Field(default=100, ge=1, le=1000)
    """Passages taken from each index before fusion."""
    dense_weight: float = Field(default=0.6, ge=0, le=1)
    """Share of the dense score in the convex fusion; the rest is BM25's."""
    rerank: bool = True
    """Read the best passages together with the question, which takes a quarter of a second on two cores."""
    top_k: int = Field(default=5, ge=1, le=50)
    """Passages handed to the engine."""
    section_tokens: int = Field(default=1000, ge=0, le=32_000)
    """Of text around the best passages, from their own sections, handed to an engine that writes."""


class AbstentionSettings(Section):
    max_error: float = Field(default=0.29, ge=0, le=1)
    """Of the answers that are given, no more than this share may be wrong, where half of the questions have no answer; 1 refuses
    nothing."""


class QuotingSettings(Section):
    max_sentences: int = Field(default=2, ge=1, le=9)
    """That the extractive engine quotes at most. The more there may be, the less alike in worth they must be."""


class CacheSettings(Section):
    """Answers that are given again, for as long as no document changes."""

    match: Literal["off", "exact", "same_words", "similar"] = "same_words"
    """When two questions are the same: by their text, by all words but articles and politeness, or by content words."""
    min_cosine: float = Field(default=0.95, ge=0, le=1)
    """Of two questions whose content words are equal, for `match = "similar"`."""
    size: int = Field(default=1000, ge=1, le=10_000)
    """Answers kept; the one that was not asked for the longest goes first. Each takes about 10 KB."""
    max_age_s: float = Field(default=3600, gt=0)


class ChromaSettings(Section):
    """A Chroma server for the dense index; without one it lies in the data directory."""

    url: str = ""
    allow_public: bool = False
    """Whoever reaches such a server owns it: only where something else keeps others away."""

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://[^\s/?#@\x00-\x1f\x7f]+/?", url):
            raise ValueError("it is no address of a server; write it like http://127.0.0.1:8000")
        return url.rstrip("/")


class DeadlineSettings(Section):
    """Seconds. A deadline that passes ends the answer with a sentence that says which one it was."""

    connect_s: float = Field(default=5, gt=0)
    first_token_s: float = Field(default=60, gt=0)
    """From sending the prompt to the first token, waiting in the server's queue and retries included."""
    between_tokens_s: float = Field(default=20, gt=0)
    total_s: float = Field(default=300, gt=0)


class VllmSettings(Section):
    """A vLLM server, for `engine = "vllm"`."""

    url: str = "http://127.0.0.1:8000"
    model: str = ""
    """A served model, or a LoRA adapter by its name; empty takes the first model served."""
    api_key: SecretStr = SecretStr("")
    preset: Preset = "precise"
    sampling: Sampling = Sampling(max_tokens=1024)
    """Laid over the preset; a question's own sampling is laid over both."""
    priority: int | None = None
    """Lower is served first, where the server runs with --scheduling-policy priority."""
    cache_salt: str = ""
    """Separates the prefix cache from that of other users of the server."""
    retries: int = Field(default=2, ge=0, le=10)
    """How often a request that got no token yet is tried again."""
    deadlines: DeadlineSettings = DeadlineSettings()

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr) -> SecretStr:
        if re.search(r"[^\x21-\x7e]", key.get_secret_value()):
            raise ValueError("it holds a space, a line break or a letter that no key has")
        return key

    @field_validator("sampling")
    @classmethod
    def _of_one_text(cls, sampling: Sampling) -> Sampling:
        try:
            return sampling.of_one_text()
        except BadParameter as error:
            raise ValueError(str(error)) from error

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        address = url.rstrip("/").removesuffix("/v1")
        if not re.fullmatch(r"https?://[^\s/?#\x00-\x1f\x7f]+(?:/[^\s?#\x00-\x1f\x7f]*)?", address):
            raise ValueError("it is no address; write it like http://127.0.0.1:8000")
        if "@" in address:  # it is shown in messages
            raise ValueError("it holds a password; a key belongs in CHATBOT_VLLM__API_KEY")
        return address


class FetchSettings(Section):
    """Pages and sitemaps from the web."""

    allow_private: tuple[str, ...] = ()
    """Networks such as 10.0.0.0/8, or names of hosts, that may be fetched from though they are not on the public internet."""
    user_agent: str = f"chatbot/{__version__}"
    """How the fetcher calls itself. What stands before the first / is the name that a robots.txt knows it by."""
    obey_robots: bool = True
    """Fetch nothing that a site's robots.txt keeps from crawlers. Turn it off for your own sites only."""
    pause_s: float = Field(default=0.25, ge=0, le=60)
    """Between two requests to one host."""
    max_bytes: int = Field(default=50 * 2**20, ge=1)
    connect_s: float = Field(default=10, gt=0)
    """From asking for the host's address to the connection, TLS included."""
    first_byte_s: float = Field(default=30, gt=0)
    total_s: float = Field(default=300, gt=0)
    """Redirects included; waiting for another request to the same host is not."""

    @field_validator("user_agent")
    @classmethod
    def _names_a_product(cls, agent: str) -> str:
        if not re.fullmatch(r"[A-Za-z_-]+(?:/[\x21-\x7e]+(?: [\x21-\x7e]+)*)?", agent):
            raise ValueError("it must begin with a name of letters, - and _; write it like acme-bot/1.0 (+https://acme.example)")
        return agent

    @field_validator("allow_private")
    @classmethod
    def _are_networks_or_hosts(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            if re.search(r"[:/]|\.[0-9]+$", entry):
                ipaddress.ip_network(entry)
        return entries

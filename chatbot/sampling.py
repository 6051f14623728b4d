"""How the next token is chosen: every knob of a decoder under its standard name, validated once.

Sources: temperature and top-k: Fan, Lewis, Dauphin, ACL 2018; nucleus (top-p): Holtzman et al., ICLR 2020, whose recommended
p = .95 the creative preset takes; min-p: Nguyen et al., ICLR 2025, whose recommended range is .05 to .1; repetition penalty:
Keskar et al. 2019 (CTRL); beam search with length penalty: Wu et al. 2016. The bounds are those that vLLM enforces.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chatbot.errors import BadParameter, first_mistake

Preset = Literal["precise", "balanced", "creative"]


class Sampling(BaseModel):
    """What is None is left to the server, whose model may bring defaults of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(default=None, ge=0, le=2)
    """0 is greedy: always the likeliest token."""
    top_k: int | None = Field(default=None, ge=0)
    """Only the k likeliest tokens; 0 keeps all."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Nucleus: the smallest set of tokens whose probabilities add up to p."""
    min_p: float | None = Field(default=None, ge=0, le=1)
    """Only tokens with at least this share of the likeliest one's probability."""
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    """Subtracted from the logits of tokens that were generated already."""
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    """The same, once for each time."""
    repetition_penalty: float | None = Field(default=None, gt=0, le=2)
    """Divides the logits of tokens that the prompt or the text has already; 1 is none."""
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    """The same seed gives the same text on the same server; other load on it may still tip a near tie."""
    max_tokens: int | None = Field(default=None, ge=1)
    min_tokens: int | None = Field(default=None, ge=0)
    stop: tuple[str, ...] = Field(default=(), max_length=16)
    """Texts that end the answer; they are not part of it."""
    n: int = Field(default=1, ge=1, le=64)
    """Answers to one prompt; more than one cannot be streamed."""
    beam_width: int | None = Field(default=None, ge=2, le=64)
    """Beam search instead of sampling: keeps this many candidates, gives them all, the likeliest first."""
    length_penalty: float | None = Field(default=None, ge=-5, le=5)
    """Of beam search: above 1 favours long candidates."""
    logprobs: int | None = Field(default=None, ge=0, le=20)
    """Log-probability of every token, and of so many of the likeliest in its place."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_tokens is not None and self.min_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} is above max_tokens {self.max_tokens}")
        if any(not text for text in self.stop):
            raise ValueError("stop holds an empty text, which would end every answer before its first word")
        if self.beam_width is None and self.length_penalty is not None:
            raise ValueError("length_penalty belongs to beam search; set beam_width too")
        if self.beam_width is not None:
            self._check_beam()
        return self

    def _check_beam(self) -> None:
        """Beam search does not sample: a knob without effect is a mistake, and silence would hide it."""
        without_effect = {"temperature", "top_k", "top_p", "min_p", "seed", "min_tokens", "logprobs", *_PENALTIES}
        for name in sorted(without_effect & self.given().keys()):
            raise ValueError(f"{name} has no effect on beam search; drop it or beam_width")
        if self.n != 1:
            raise ValueError("beam search gives beam_width answers; drop n")

    def given(self) -> dict[str, Any]:
        """Those that differ from the default, by name."""
        return self.model_dump(exclude_defaults=True)

    def of_one_text(self) -> Sampling:
        """This one, where a single text is wanted.

        Raises:
            BadParameter: it asks for more than that.
        """
        for name in sorted({"n", "logprobs"} & self.given().keys()):
            raise BadParameter(f"{name} has no use in an answer that is one text; leave it out")
        return self

    def over(self, defaults: Sampling) -> Sampling:
        """This one, and what it leaves open from `defaults`; beam search takes over no knob of sampling.

        Raises:
            BadParameter: the two do not go together.
        """
        wanted, kept = self.given(), defaults.given()
        if "beam_width" in wanted:
            kept = {name: value for name, value in kept.items() if name in {"max_tokens", "stop", "length_penalty"}}
        elif wanted.keys() - _OF_BEAM - _LENGTHS:  # a knob of sampling is not laid over a beam search
            kept = {name: value for name, value in kept.items() if name not in _OF_BEAM}
        try:
            return Sampling.model_validate({**kept, **wanted})
        except ValidationError as error:
            raise BadParameter(first_mistake(error.errors())) from error


_PENALTIES = {"presence_penalty", "frequency_penalty", "repetition_penalty"}
_OF_BEAM = {"beam_width", "length_penalty"}
_LENGTHS = {"max_tokens", "stop"}

PRESETS: dict[Preset, Sampling] = {
    "precise": Sampling(temperature=0),
    "balanced": Sampling(temperature=0.7, top_p=0.95),
    "creative": Sampling(temperature=1.0, top_p=0.95, min_p=0.05),
}
"""Precise is the default: an answer from documents should be the same tomorrow."""

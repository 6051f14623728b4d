"""What is wished for, and the plan: values only, as `chatbot plan --json` prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Wish:
    gpu_gib: float = 24
    """Memory of one GPU in GiB: what its maker calls GB."""
    context: int = 8192
    """Longest conversation in tokens, question, passages and answer together."""
    users: int = 50
    """People who wait for an answer at the same moment."""
    gpus: int | None = None
    """GPUs at hand; None: as many as are needed."""


@dataclass(frozen=True)
class Option:
    """The weights in one number format."""

    format: str
    weight_bytes: int
    gpus: int | None
    """GPUs of the wished size that serve all users; None: more than 64, or no number of them."""
    own: bool
    """The checkpoint's own format, in which it is planned."""


@dataclass(frozen=True)
class Fit:
    """One split over GPUs, and what one GPU then holds, in bytes."""

    tensor_parallel: int
    pipeline_parallel: int
    usable_bytes: int
    weight_bytes: int
    reserve_bytes: int
    cache_bytes: int
    full_sequences: int
    """Conversations at once if each fills its context."""
    typical_sequences: int

    @property
    def gpus(self) -> int:
        return self.tensor_parallel * self.pipeline_parallel


@dataclass(frozen=True)
class Plan:
    model: str
    architecture: str
    layers: int
    attention: str
    parameters: int
    active_parameters: int
    """What one token passes; less than `parameters` in a mixture of experts."""
    file_parameters: int | None
    """As the safetensors files declare; None: no files, or packed ones."""
    file_bytes: int | None
    quantization: str | None
    """The checkpoint's own method; None: plain numbers."""
    weights_from: Literal["count", "files", "upper_bound"]
    """Where the planned size of the weights comes from: 16-bit weights are the bound where the method is not known."""
    kv_bytes_per_token: int
    kv_bytes_per_token_fp8: int
    kv_bytes_full_context: int
    """On one GPU, unsplit."""
    model_context: int
    context: int
    """Planned: what is wished, but no more than the model was made for."""
    typical_tokens: int
    wish: Wish
    options: tuple[Option, ...]
    fit: Fit | None
    """None: it does not start on the GPUs at hand."""
    command: str | None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

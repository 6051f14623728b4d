"""Faults of native libraries, told as ours. Knows neither library."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType

from chatbot.errors import IndexDamaged

_PANIC = "PanicException"
"""What a Rust library raises where it gave up. Its class can be imported from nowhere, and it is no `Exception`."""


class Translated(AbstractContextManager[None]):
    """Raises `IndexDamaged` for any of some faults, and for a panic; `said` is the sentence before what the library says."""

    def __init__(self, said: str, faults: tuple[type[Exception], ...]) -> None:
        self._said = said
        self._faults = faults

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None and (issubclass(kind, self._faults) or kind.__name__ == _PANIC):
            raise IndexDamaged(f"{self._said}: {error}") from error

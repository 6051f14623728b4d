"""retrieve: both indexes, one score, and never what the asker may not see."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import SmallApplication, furnish, write

from chatbot.bootstrap import Application
from chatbot.errors import UnknownCollection
from chatbot.flow.condense import SearchForm, search_forms
from chatbot.flow.retrieve import Retriever, fuse
from chatbot.knowledge.indexes.generation import Absent
from chatbot.knowledge.reading.splitter import embedded_text
from chatbot.schema import Chunk, Document, Passage, Principal, Query
from chatbot.settings import Settings

FILES = {
    "kitchen/kettle.md": "# Kettle\n\nThe blue kettle holds four litres of water and whistles when it boils.\n",
    "kitchen/pot.md": "# Pot\n\nA clay pot is fired at nine hundred degrees and must dry for a week.\n",
    "garden/rose.md": "# Rose\n\nRoses want sun, and water in the morning. Part number ZX-4711 is the pruning shears.\n",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Application]:
    """Three documents; these tests only read."""
    folder = tmp_path_factory.mktemp("retrieve")
    settings = Settings(data_dir=furnish(folder / "data", models), knowledge=write(folder / "knowledge", FILES))
    with Application(settings, "pytest") as application:
        for _ in application.sync(()):
            pass
        yield application


def _retriever(application: Application) -> Retriever:
    return Retriever(application.catalogue, application.indexes, application.settings.retrieval)


def _search(application: Application, query: Query, k: int = 10) -> list[Passage]:
    return _retriever(application)(query, search_forms(query), k)


def test_fused_scores_lie_between_zero_and_one_for_any_lists() -> None:
    chance = random.Random(7)
    for _ in range(200):
        dense = {str(chance.randrange(30)): chance.uniform(-1, 1) for _ in range(chance.randrange(20))}
        lexical = {str(chance.randrange(30)): chance.uniform(0, 40) for _ in range(chance.randrange(20))}
        fused = fuse(dense, lexical, chance.random())

        assert fused.keys() == dense.keys() | lexical.keys()
        assert all(0 <= score <= 1 + 1e-9 for score in fused.values())


def test_the_best_of_both_lists_scores_one() -> None:
    assert fuse({"a": 0.9, "b": 0.1}, {"a": 12.0, "c": 3.0}, 0.5)["a"] == 1.0


def test_absence_from_a_list_counts_nothing() -> None:
    assert fuse({"a": 0.9, "b": 0.1}, {}, 0.3) == {"a": pytest.approx(0.3), "b": 0.0}


def test_equal_scores_count_in_full() -> None:
    assert fuse({"a": 0.5, "b": 0.5}, {}, 1.0) == {"a": 1.0, "b": 1.0}


def test_the_weight_chooses_between_the_lists() -> None:
    dense, lexical = {"a": 1.0, "b": 0.0}, {"b": 9.0, "a": 1.0}

    assert fuse(dense, lexical, 1.0) == {"a": 1.0, "b": 0.0}
    assert fuse(dense, lexical, 0.0) == {"a": 0.0, "b": 1.0}


def test_passages_come_best_first_ranked_from_one(small: Application) -> None:
    found = _search(small, Query(text="How much water does the kettle hold?"))

    assert found[0].source == "kettle.md"
    assert [each.rank for each in found] == [1, 2, 3]
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_no_more_than_k_are_returned(small: Application) -> None:
    assert len(_search(small, Query(text="water"), k=2)) == 2


def test_every_passage_carries_its_true_cosine_even_if_only_its_words_were_found(small: Application) -> None:
    question = "ZX-4711 water"
    narrow = Retriever(small.catalogue, small.indexes, small.settings.retrieval.model_copy(update={"candidates": 1}))

    for each in narrow(Query(text=question), [SearchForm(text=question, weight=1.0)], 10):
        vector = small.encoder.encode([embedded_text(each.title, each.chunk.heading_path, each.chunk.text)])[0]
        assert each.dense == pytest.approx(float(np.dot(vector, small.encoder.encode_query(question))), abs=0.01)


def test_a_part_number_is_found_by_its_letters(small: Application) -> None:
    found = _search(small, Query(text="ZX-4711"))

    assert found[0].source == "rose.md"
    assert found[0].lexical > 0


def test_only_the_named_collections_are_searched(small: Application) -> None:
    found = _search(small, Query(text="water", collections=("garden",)))

    assert {each.collection for each in found} == {"garden"}


def test_an_unknown_collection_is_refused_with_the_names_there_are(small: Application) -> None:
    with pytest.raises(UnknownCollection, match="there is no collection 'cellar'; there are: garden, kitchen"):
        _search(small, Query(text="water", collections=("kitchen", "cellar")))


def test_before_the_first_document_the_refusal_says_how_to_add_one(small_application: SmallApplication) -> None:
    with pytest.raises(UnknownCollection, match="chatbot sync PATH"):
        _search(small_application({}), Query(text="water", collections=("cellar",)))


def test_without_documents_nothing_is_found(small_application: SmallApplication) -> None:
    assert _search(small_application({}), Query(text="water")) == []


def test_a_question_of_stop_words_only_is_still_searched_by_meaning(small: Application) -> None:
    found = _search(small, Query(text="what is it?"))

    assert found
    assert all(each.lexical == 0 for each in found)


def test_a_principal_without_the_scope_sees_nothing(small: Application) -> None:
    stranger = Principal(scopes=frozenset({"other"}))

    assert _search(small, Query(text="How much water does the kettle hold?", principal=stranger)) == []


def test_a_principal_without_any_scope_sees_nothing(small: Application) -> None:
    nobody = Principal(scopes=frozenset())

    assert _search(small, Query(text="How much water does the kettle hold?", principal=nobody)) == []


def test_a_restricted_document_is_seen_with_its_scope_only(small_application: SmallApplication) -> None:
    small = small_application(FILES)
    _publish(small, "The vault code of the kettle shop is 9911.", access="board")
    query = Query(text="What is the vault code of the kettle shop?")

    as_board = query.model_copy(update={"principal": Principal(scopes=frozenset({"public", "board"}))})

    assert "vault.md" not in {each.source for each in _search(small, query)}
    assert _search(small, as_board)[0].source == "vault.md"


class _ReplacedMeanwhile:
    """The catalogue, in which a sync replaces every passage between being found and being measured."""

    def __init__(self, application: Application) -> None:
        self._catalogue = application.catalogue

    def published_chunks(self, ids: Sequence[str]) -> dict[str, tuple[Chunk, Document]]:
        found = self._catalogue.published_chunks(ids)
        self._catalogue.remove([document.id for _, document in found.values()])
        self._catalogue.sweep_embeddings(())
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalogue, name)


def test_a_passage_that_a_sync_replaces_meanwhile_is_measured_by_its_text(small_application: SmallApplication) -> None:
    small = small_application(FILES)
    query = Query(text="kettle")
    words = SimpleNamespace(lexical=small.indexes.lexical, dense=Absent(), encoder=small.encoder)
    lexical_only: Any = SimpleNamespace(read=lambda search: search(words))
    replaced: Any = _ReplacedMeanwhile(small)
    settings = small.settings.retrieval
    retrieve = Retriever(small.catalogue, lexical_only, settings)
    expected = [passage.dense for passage in retrieve(query, search_forms(query), 5)]
    assert expected
    retrieve = Retriever(replaced, lexical_only, settings)
    found = [passage.dense for passage in retrieve(query, search_forms(query), 5)]
    assert found == pytest.approx(expected, abs=0.01)


def _publish(application: Application, text: str, access: str) -> None:
    """Put a document under another scope, which no front end can do yet."""
    id_ = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    document = Document(id=id_, collection="kitchen", source="vault.md", title="Vault", content_hash=id_, access=access)
    chunk = Chunk(id=id_[::-1], document_id=id_, heading_path=(), text=text, start=0, end=len(text))
    source = application.catalogue.sources()[0]
    application.catalogue.stage(source, document, text, "", "test", [chunk])
    for rows in application.catalogue.rows_of_documents([id_]):
        application.indexes.add(rows)
    application.catalogue.publish([id_])


def test_only_what_the_query_may_find_is_recalled(small: Application) -> None:
    kettle = _search(small, Query(text="kettle", collections=("kitchen",)), 1)[0].chunk.id
    recall = _retriever(small).recall

    assert set(recall([kettle, kettle, "gone"], Query(text="?"))) == {kettle}
    assert recall([kettle], Query(text="?", collections=("garden",))) == {}
    assert recall([kettle], Query(text="?", principal=Principal(scopes=frozenset()))) == {}


def test_what_lies_near_a_passage_is_its_documents_alone_and_in_order(small_application: SmallApplication) -> None:
    paragraphs = [
        f"Paragraph {number} of the long page. " + "The kettle is made of steel and copper. " * 15 for number in range(6)
    ]
    small = small_application({"kitchen/long.md": "\n\n".join(["# Long", *paragraphs]), **FILES})
    document = next(each for each in small.catalogue.documents() if each.source == "long.md")
    chunks = small.catalogue.chunks_of(document.id)
    middle = _retriever(small).recall([chunks[2].id], Query(text="?"))[chunks[2].id]
    near = _retriever(small).near

    assert len(chunks) > 5
    assert [each.chunk for each in near(Query(text="?"), middle, 10)] == chunks[1:4]
    assert [each.chunk for each in near(Query(text="?"), middle, 100_000)] == chunks


def test_neighbours_are_for_those_who_may_find_their_document(small: Application) -> None:
    kettle = _search(small, Query(text="kettle"), 1)[0]
    near = _retriever(small).near

    assert near(Query(text="?"), kettle, 100) == [kettle.model_copy(update={"score": 0.0, "dense": 0.0, "lexical": 0.0})]
    assert near(Query(text="?", collections=("garden",)), kettle, 100) == []
    assert near(Query(text="?", principal=Principal(scopes=frozenset())), kettle, 100) == []

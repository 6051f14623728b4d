"""The lexical index: BM25 by tantivy over our own terms, on disk and incremental."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import tantivy
from tantivy import Occur, Query

from chatbot.knowledge.indexes.native import Translated
from chatbot.knowledge.store.tables import IndexRow
from chatbot.language.terms import index_terms

_WRITER_BYTES = 32 * 2**20
_FAULTS = (ValueError, OSError, RuntimeError)
"""What tantivy raises where its files cannot be read or written."""
_MAX_QUERY_TERMS = 256
_MIN_TYPO_LETTERS = 5
"""Shorter words have too many neighbours."""
_MAX_TYPO_LETTERS = 40
"""Longer ones are no words, and the automaton that finds neighbours takes 5 KB a letter."""
_TYPO_SCORE = 3.0
"""tantivy scores every fuzzy match alike; this is what a term of middling frequency scores by BM25."""


class LexicalIndex:
    """BM25 (k1 1.2, b 0.75: tantivy's constants) over the same text that is embedded."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            IndexDamaged: tantivy cannot open the folder.
        """
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field("collection", tokenizer_name="raw", index_option="basic")
        builder.add_text_field("access", tokenizer_name="raw", index_option="basic")
        # our terms, joined by spaces: tantivy splits them again and changes nothing
        builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
        self._schema = builder.build()
        with _translated(f"opened in {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            self._index = tantivy.Index(self._schema, str(folder))
            self._writer = self._index.writer(_WRITER_BYTES, 1)
        self.keeps_deleted = False

    def close(self) -> None:
        """
        Raises:
            IndexDamaged: tantivy could not finish what it was writing.
        """
        with _translated("closed"):
            self._writer.wait_merging_threads()

    def add(self, rows: Sequence[IndexRow]) -> None:
        """Add chunks; adding one again replaces it.

        Raises:
            IndexDamaged: tantivy failed, on a full disk for one.
        """
        documents = [
            tantivy.Document(id=row.id, collection=row.collection, access=row.access, terms=" ".join(index_terms(row.text)))
            for row in rows
        ]
        with _translated("written"):
            for row, document in zip(rows, documents, strict=True):
                self._writer.delete_documents_by_term("id", row.id)
                self._writer.add_document(document)
            self._commit()

    def delete(self, ids: Sequence[str]) -> None:
        """
        Raises:
            IndexDamaged: tantivy failed.
        """
        self.keeps_deleted |= bool(ids)
        with _translated("written"):
            for id_ in ids:
                self._writer.delete_documents_by_term("id", id_)
            self._commit()

    def search(self, text: str, k: int, collections: Sequence[str], scopes: Sequence[str]) -> dict[str, float]:
        """The k best chunks that share a term with `text`: BM25 by id, best first.

        Raises:
            IndexDamaged: tantivy failed.
        """
        wanted = list(Counter(index_terms(text)).items())[:_MAX_QUERY_TERMS]
        if not wanted:
            return {}
        with _translated("searched"):
            searcher = self._index.searcher()
            clauses = [
                (Occur.Must, Query.boolean_query([(Occur.Should, self._scored(searcher, term, said)) for term, said in wanted]))
            ]
            clauses.append((Occur.Must, self._any_of("access", scopes)))
            if collections:
                clauses.append((Occur.Must, self._any_of("collection", collections)))
            return _found(searcher, Query.boolean_query(clauses), k)

    def ids(self) -> set[str]:
        """
        Raises:
            IndexDamaged: tantivy failed.
        """
        with _translated("read"):
            searcher = self._index.searcher()
            return set(_found(searcher, Query.all_query(), max(1, searcher.num_docs)))

    def _scored(self, searcher: tantivy.Searcher, term: str, said: int) -> Query:
        """The term, or where no chunk holds it, what it was probably meant to be: one letter changed, or two swapped.

        A long question says what it is about more than once: CISI's nDCG@10 by words alone is .40 with it, .33 without.
        """
        if term.endswith("*") or not _MIN_TYPO_LETTERS <= len(term) <= _MAX_TYPO_LETTERS or searcher.doc_freq("terms", term):
            found = self._term("terms", term)
            return found if said == 1 else Query.boost_query(found, float(said))
        return Query.boost_query(Query.fuzzy_term_query(self._schema, "terms", term, distance=1), _TYPO_SCORE)

    def _term(self, field: str, value: str) -> Query:
        return Query.term_query(self._schema, field, value, index_option="freq" if field == "terms" else "basic")

    def _any_of(self, field: str, values: Sequence[str]) -> Query:
        """A filter: it decides who is found and adds nothing to the score."""
        return Query.const_score_query(Query.boolean_query([(Occur.Should, self._term(field, value)) for value in values]), 0.0)

    def _commit(self) -> None:
        self._writer.commit()
        self._index.reload()


def _found(searcher: tantivy.Searcher, query: Query, k: int) -> dict[str, float]:
    hits = searcher.search(query, limit=k, count=False).hits
    return {searcher.doc(address)["id"][0]: score for score, address in hits}


def _translated(what: str) -> Translated:
    return Translated(f"the lexical index could not be {what}", _FAULTS)

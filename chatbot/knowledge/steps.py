"""The steps of a sync: functions of this package, `module:name`, in its order. A process may end before and after each call."""

from __future__ import annotations

STEPS = (
    "catalogue:Catalogue.record",  # pending, refused or failed is noted
    "catalogue:Catalogue.rename",  # a document has another path
    "catalogue:Catalogue.stage",  # text and chunks are stored: parsed
    "catalogue:Catalogue.put_embeddings",  # some vectors are stored
    "dense:DenseIndex.add",
    "lexical:LexicalIndex.add",
    "catalogue:Catalogue.note_embedded",  # all vectors of a batch are stored and indexed: embedded
    "catalogue:Catalogue.publish",  # the new versions are live, those before are gone
    "catalogue:Catalogue.remove",  # a document is gone
    "catalogue:Catalogue.drop_unfinished",  # what nobody can finish any more is gone
    "dense:DenseIndex.delete",
    "lexical:LexicalIndex.delete",
    "catalogue:Catalogue.note_marks",  # files that were touched and not changed
    "catalogue:Catalogue.sweep_embeddings",  # vectors that no chunk needs are gone
    "catalogue:Catalogue.remove_source",
)

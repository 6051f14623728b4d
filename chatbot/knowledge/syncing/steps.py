"""The steps of a sync: functions of this package, `module:name`, in its order. A process may end before and after each call."""

from __future__ import annotations

STEPS = (
    "store.catalogue:Catalogue.record",  # pending, refused or failed is noted
    "store.catalogue:Catalogue.rename",  # a document has another path
    "store.catalogue:Catalogue.stage",  # text and chunks are stored: parsed
    "store.catalogue:Catalogue.put_embeddings",  # some vectors are stored
    "indexes.dense:DenseIndex.add",
    "indexes.lexical:LexicalIndex.add",
    "store.catalogue:Catalogue.note_embedded",  # all vectors of a batch are stored and indexed: embedded
    "store.catalogue:Catalogue.publish",  # the new versions are live, those before are gone
    "store.catalogue:Catalogue.remove",  # a document is gone
    "store.catalogue:Catalogue.drop_unfinished",  # what nobody can finish any more is gone
    "indexes.dense:DenseIndex.delete",
    "indexes.lexical:LexicalIndex.delete",
    "store.catalogue:Catalogue.note_marks",  # files that were touched and not changed
    "store.catalogue:Catalogue.sweep_embeddings",  # vectors that no chunk needs are gone
    "store.catalogue:Catalogue.remove_source",
    # of splitting anew, which comes before all of these, and takes some of them
    "store.resplits:Resplits.drop_staged",  # what was staged for settings that are no longer these is gone
    "store.resplits:Resplits.exchange",  # all new versions are live, those before are gone, and the new indexes are the ones
)

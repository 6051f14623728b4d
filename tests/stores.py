"""What a sync works with, opened by the test."""

from __future__ import annotations

from typing import NamedTuple

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.store.catalogue import Catalogue


class Stores(NamedTuple):
    """The `Parts` of a `Synchronizer`."""

    catalogue: Catalogue
    indexes: Indexes
    splitter: Splitter
    encoder: BiEncoder

"""What is told of documents: how far each is, what a sync did with it, how far the sync is, and what a verification found."""

from __future__ import annotations

from typing import Literal

from chatbot.schema import Value

DocumentState = Literal["added", "changed", "renamed", "unchanged", "removed", "partly", "refused", "failed"]
"""`renamed` keeps the document under its new path, with its chunks and vectors; the reason says what it was called."""


StoredState = Literal["pending", "parsed", "embedded", "live", "failed", "refused"]
"""How far a version of a document is: seen, its chunks stored, its vectors stored, searched; or what ended its way.

`failed` is ours to mend, and the version before goes on being searched; `refused` is the user's, and nothing is searched.
"""


class StoredDocument(Value):
    """A version of a document as the catalogue holds it; a live one may stand beside a newer one that is on its way."""

    collection: str
    source: str
    """Path inside the folder that was synced."""
    state: StoredState
    reason: str = ""
    """Of a failed or refused one; of a live one, what of it could not be read."""
    chunks: int = 0


class DocumentReport(Value):
    """What a sync did with one document."""

    source: str
    collection: str
    state: DocumentState
    reason: str = ""
    chunks: int = 0
    embedded_chunks: int = 0
    """Of a batch: encoding happens by the batch, and the count stands on its first report."""


class SyncProgress(Value):
    """How far a sync is."""

    type: Literal["progress"] = "progress"
    done: int = 0
    """Documents, of `total`."""
    total: int = 0
    bytes_done: int = 0
    """Of the documents that are done; a web page counts nothing before it is fetched."""
    bytes_total: int = 0
    embedded_chunks: int = 0
    chunks_per_s: float | None = None
    """Over the last half minute; None where nothing was embedded."""
    seconds_left: float | None = None
    """None while it is too early to say."""
    splits_anew: bool = False
    """True while what is counted is not documents of the sources, but those that come before: they are split anew as they are in
    the catalogue, because chunks are cut by another recipe now."""
    resplit: int = 0
    """Documents that were."""


class Verified(Value):
    """One thing that a verification looked at."""

    check: str
    """`repair` for what was done; the checks that follow are made after it."""
    state: Literal["ok", "note", "problem"]
    text: str

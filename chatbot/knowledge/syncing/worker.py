"""What one process of a cluster does for a sync: reads documents into the catalogue, and encodes them. Knows nothing of Ray.

Neither step makes a document live, and each may be done twice, or by two at once: that changes nothing more. What is written is
written by the leave of the process that owns the catalogue, and refused once that process is done, or another one owns it.
"""

from __future__ import annotations

import fcntl
import platform
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import SecretStr

from chatbot.encoders import bi_encoder
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import SettingsError
from chatbot.knowledge.indexes.embedding import embed
from chatbot.knowledge.reading.outline import READING
from chatbot.knowledge.reading.sandbox import Sandbox
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing.plan import Task
from chatbot.knowledge.syncing.renames import Renames
from chatbot.knowledge.syncing.sync import Outcome, Synchronizer
from chatbot.reports import DocumentReport
from chatbot.schema import Value
from chatbot.sections import ChunkSettings, EncoderSettings


class Errand(Value):
    """What a worker is told by the process that owns the catalogue."""

    database: SecretStr
    token: SecretStr
    models: Path
    """Where compiled encoders lie; made on a machine that has none."""
    encoder: EncoderSettings
    fingerprint: str
    chunks: ChunkSettings
    recipe: str
    reading: str = READING


class Reader:
    """Loads, parses and splits documents, each parse in a sandbox, and stages them in the catalogue."""

    def __init__(self, errand: Errand) -> None:
        """
        Raises:
            ChatbotError: this machine cannot do as the owner would.
        """
        encoder = _encoder(errand)
        splitter = Splitter(encoder.tokenizer_file, errand.chunks.min_tokens, errand.chunks.max_tokens, encoder.card.max_tokens)
        if (splitter.recipe, READING) != (errand.recipe, errand.reading):
            raise SettingsError(
                f"{platform.node()} would read or split documents in another way ({splitter.recipe}, not {errand.recipe}); "
                "install the same version of chatbot on every machine"
            )
        self._catalogue = Catalogue(errand.database.get_secret_value(), errand.token.get_secret_value())
        self._stager = _Stager(cast("Any", _Parts(self._catalogue, splitter, _NoIndexes())), Sandbox().read)

    def read(self, task: Task) -> Outcome:
        """Stage a document, or say why not; the owner settles that.

        Raises:
            DataDirectoryError: the catalogue cannot be written, or not any more.
        """
        outcome = self._stager.stage(task)
        if isinstance(outcome, DocumentReport) and outcome.reason == "cannot be read: No such file or directory":
            where = f"{platform.node()} has no such file; documents must lie on storage that every machine mounts alike"
            return outcome.model_copy(update={"reason": where})
        return outcome


class Encoder:
    """Encodes the chunks of staged documents, and stores the vectors."""

    def __init__(self, errand: Errand) -> None:
        """
        Raises:
            ChatbotError: this machine cannot do as the owner would.
        """
        self._encoder = _encoder(errand)
        self._catalogue = Catalogue(errand.database.get_secret_value(), errand.token.get_secret_value())

    def encode(self, document_ids: Sequence[str]) -> int:
        """Encode what was never encoded; returns how many texts that were.

        Raises:
            DataDirectoryError: the catalogue cannot be written, or not any more.
        """
        rows = [row for batch in self._catalogue.rows_of_documents(document_ids) for row in batch]
        return sum(embed(rows, self._catalogue, self._encoder))


class _Stager(Synchronizer):
    """Goes as far as a worker may."""

    def stage(self, task: Task) -> Outcome:
        assert task.origin, "only what is there is sent to a worker"
        return self._stage(task, task.origin, Renames(()))

    def _settle(self, task: Task, report: DocumentReport) -> DocumentReport:
        return report


class _Parts(NamedTuple):
    """What staging a document asks for."""

    catalogue: Catalogue
    splitter: Splitter
    indexes: _NoIndexes


class _NoIndexes:
    """The owner took out of the indexes, before any worker began, what workers may drop."""

    def delete(self, ids: Sequence[str]) -> None:
        """Nothing to do."""


def _encoder(errand: Errand) -> BiEncoder:
    with _alone(errand.models):
        encoder = bi_encoder.load(errand.encoder.model, errand.models, errand.encoder.threads)
    if encoder.card.fingerprint != errand.fingerprint:
        raise SettingsError(
            f"{platform.node()} would encode otherwise: its encoder is {encoder.card.fingerprint} in "
            f"{encoder.card.precision}, the owner's is {errand.fingerprint}; give every machine the same weights and kind of CPU"
        )
    return encoder


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """One process of a machine at a time: the first may have to compile."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

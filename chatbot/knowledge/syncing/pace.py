"""How far a sync is and how long it will take, for those who look on from another thread; and how they stop it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatbot.errors import SyncStopped
from chatbot.reports import SyncProgress

_READING = 0.1
"""Share of a document's time that is over when its text is stored; the rest is encoding. A tenth or less on two cores."""
_DOCUMENT_BYTES = 2048
"""What a document costs beside its size: an empty one takes time too."""
_WINDOW_S = 30.0
_SAMPLE_S = 0.5
_FIRST_S = 3.0
"""Before that, and before the first document is done, nobody can say what is left: the encoder may still be made ready."""


class _Sample(NamedTuple):
    at: float
    work: float
    chunks: int


class Pace:
    """Written by the sync, read by anybody. Times left follow from the last half minute, so that they follow what comes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._told: SyncProgress | None = None
        self._begun = clock()
        self._documents = self._total = self._bytes = self._bytes_total = self._chunks = 0
        self._waiting = self._of_batch = self._batch = self._resplit = 0
        self._splits_anew = False
        self._samples: deque[_Sample] = deque([_Sample(self._begun, 0, 0)])

    # by whoever looks on

    def stop(self) -> None:
        """Let the sync end after the step it is at; what is stored is kept."""
        self._stop.set()

    def now(self) -> SyncProgress:
        """How far it is."""
        with self._lock:
            if self._told:
                return self._told
            chunks_per_s, seconds_left = self._rates()
            return SyncProgress(
                done=self._documents,
                total=self._total,
                bytes_done=self._bytes,
                bytes_total=self._bytes_total,
                embedded_chunks=self._chunks,
                chunks_per_s=chunks_per_s,
                seconds_left=seconds_left,
                splits_anew=self._splits_anew,
                resplit=self._resplit,
            )

    # by the sync

    def check(self) -> None:
        """
        Raises:
            SyncStopped: somebody asked for it.
        """
        if self._stop.is_set():
            raise SyncStopped("the sync was stopped; what was done is kept, and the next one goes on from there")

    def tell(self, progress: SyncProgress) -> None:
        """Show what another process says of its sync."""
        with self._lock:
            self._told = progress

    def begin(self, sizes: Sequence[int], splits_anew: bool = False) -> None:
        """A sync of documents of so many bytes begins, or before it these are split anew."""
        with self._lock:
            self._total, self._bytes_total = len(sizes), sum(sizes)
            self._splits_anew = splits_anew

    def resplit(self, documents: int) -> None:
        """So many documents were split anew; what begins now is counted from nothing."""
        with self._lock:
            self._resplit = documents
            self._splits_anew = False
            self._begun = self._clock()
            self._documents = self._total = self._bytes = self._bytes_total = 0
            self._waiting = self._of_batch = self._batch = 0
            self._samples = deque([_Sample(self._begun, 0, self._chunks)])

    def parsed(self, size: int) -> None:
        """A document's text is stored; its vectors are to come."""
        with self._lock:
            self._waiting += size + _DOCUMENT_BYTES
            self._sample()

    def batch(self, chunks: int) -> None:
        """The vectors of so many chunks are to be made now, all that wait."""
        with self._lock:
            self._batch, self._of_batch = chunks, 0

    def embedded(self, chunks: int, fresh: int) -> None:
        """So many chunks of the batch have their vectors, some of which were made anew."""
        with self._lock:
            self._of_batch += chunks
            self._chunks += fresh
            self._sample()

    def done(self, size: int, waited: bool = False) -> None:
        """A document needs nothing more."""
        with self._lock:
            self._documents += 1
            self._bytes += size
            if waited:
                self._waiting -= size + _DOCUMENT_BYTES
            self._sample()

    def _work(self) -> float:
        share = min(1.0, self._of_batch / self._batch) if self._batch else 0.0
        return self._bytes + self._documents * _DOCUMENT_BYTES + self._waiting * (_READING + (1 - _READING) * share)

    def _sample(self) -> None:
        now = self._clock()
        if now - self._samples[-1].at >= _SAMPLE_S:
            self._samples.append(_Sample(now, self._work(), self._chunks))
            while len(self._samples) > 2 and now - self._samples[1].at > _WINDOW_S:
                self._samples.popleft()

    def _rates(self) -> tuple[float | None, float | None]:
        """Chunks a second, and seconds left; None where there is nothing to tell them by."""
        now, first = self._clock(), self._samples[0]
        passed, work = now - first.at, self._work()
        if now - self._begun < _FIRST_S or passed <= 0:
            return None, None
        chunks = round((self._chunks - first.chunks) / passed, 1) or None
        left = self._bytes_total + self._total * _DOCUMENT_BYTES - work
        gained = work - first.work
        return chunks, round(left * passed / gained, 1) if gained > 0 and self._documents else None

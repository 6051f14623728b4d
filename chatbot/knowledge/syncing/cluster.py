"""Ray: reads and encodes documents on all machines of a cluster, as two stages of a Ray Data pipeline.

Only tasks, ids and verdicts travel through Ray. Text and vectors go from each worker into the catalogue and from there to the
next, so the object store stays as good as empty, and what a dead worker had done need not be kept: it is done again.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from chatbot.errors import ChatbotError, ClusterUnavailable, InternalError, SettingsError, from_code
from chatbot.knowledge.syncing.plan import Task
from chatbot.knowledge.syncing.sync import Outcome, Parsed
from chatbot.knowledge.syncing.worker import Encoder, Errand, Reader

LOCAL = "local"
"""In the place of an address: a cluster of this machine, which ends with the sync."""
_STORE_BYTES = 128 * 2**20
_BLOCK = 32
"""Documents a worker is given at once, and does again where it dies over them."""
_ROUNDS = 4
"""Blocks for each CPU at least, so that none waits for the last one."""

_DEATHS = 20
"""Workers that may die one after another before they have begun; then something else is wrong."""

_W = TypeVar("_W")


def process(address: str, tasks: Sequence[Task], errand: Errand) -> Iterator[tuple[Task, Outcome]]:
    """Stage and encode documents, in any order; each comes once.

    Raises:
        SettingsError: Ray is not installed, or a worker would read or encode otherwise.
        ClusterUnavailable: there is no cluster at `address`.
        ChatbotError: what a worker could not mend.
        InternalError: Ray gave up.
    """
    with _connected(address) as ray:
        seen: set[int] = set()
        cpus = int(ray.cluster_resources().get("CPU", 1))
        blocks = max(1, -(-len(tasks) // _BLOCK), min(len(tasks), cpus * _ROUNDS))
        given = [{"number": number, "task": pickle.dumps(task)} for number, task in enumerate(tasks)]
        options: dict[str, Any] = {"batch_size": None, "batch_format": "numpy", "fn_constructor_args": [errand]}
        pipeline = (
            ray.data.from_items(given, override_num_blocks=blocks)
            .map_batches(_Read, compute=ray.data.ActorPoolStrategy(min_size=1, max_size=cpus), num_cpus=0.5, **options)
            .map_batches(_Encode, compute=ray.data.ActorPoolStrategy(min_size=1, max_size=cpus), num_cpus=0.5, **options)
        )
        try:
            for row in pipeline.iter_rows():
                if row["error"]:
                    raise from_code(row["error"], row["said"])
                if row["number"] not in seen:
                    seen.add(row["number"])
                    yield tasks[row["number"]], pickle.loads(row["outcome"])
        except ray.exceptions.RayError as error:
            raise InternalError(
                f"the cluster gave up: {_last_line(error)}; what was done is kept: run the command again"
            ) from error
        if missing := len(tasks) - len(seen):
            raise InternalError(f"the cluster lost {missing} documents; what was done is kept: run the command again")


class _Stage:
    """One actor. A fault of ours travels as a row: Ray would take it for its own, and try again without end."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._worker: Any = None

    def _guarded(self, batch: dict[str, Any], make: Callable[[Errand], _W], act: Callable[[_W], list[bytes]]) -> dict[str, Any]:
        try:
            self._worker = self._worker or make(self._errand)
            return _rows(batch["number"], act(self._worker))
        except ChatbotError as error:
            kind, said = type(error).__name__, str(error)
        except OSError as error:
            kind, said = SettingsError.__name__, f"a worker of the cluster cannot work: {error}"
        return _rows(batch["number"], [b""] * len(batch["number"]), kind, said)


class _Read(_Stage):
    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return self._guarded(
            batch, Reader, lambda reader: [pickle.dumps(reader.read(pickle.loads(task))) for task in batch["task"]]
        )


class _Encode(_Stage):
    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        if any(batch["error"]):
            return batch

        def encode(encoder: Encoder) -> list[bytes]:
            outcomes: list[Outcome] = [pickle.loads(outcome) for outcome in batch["outcome"]]
            encoder.encode([outcome.document_id for outcome in outcomes if isinstance(outcome, Parsed)])
            return list(batch["outcome"])

        return self._guarded(batch, Encoder, encode)


def _rows(numbers: Any, outcomes: list[bytes], error: str = "", said: str = "") -> dict[str, Any]:
    return {"number": numbers, "outcome": outcomes, "error": [error] * len(outcomes), "said": [said] * len(outcomes)}


@contextmanager
def _connected(address: str) -> Generator[Any]:
    # before Ray is imported: it would report its use
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.data import DataContext
    except ModuleNotFoundError as error:
        raise SettingsError("a sync on a cluster needs Ray; install it with `pip install 'chatbot[ray]'`") from error
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.max_consecutive_actor_init_deaths = _DEATHS  # none, unless it is told so
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():  # by the program around us: then it is that program's to end
        yield ray
        return
    options: dict[str, Any] = {"address": address}
    if address == LOCAL:
        options |= {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterUnavailable(
            f"no Ray cluster answers at {address!r} ({_last_line(error)}); start one with `ray start --head`, or mend the address"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _last_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1]

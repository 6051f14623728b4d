"""Runs a compiled graph with OpenVINO, the only module that imports it. Knows nothing about text.

Inputs are token ids and attention masks (n × length int64), the output is n × dimension float32.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from chatbot.encoders import Precision, Vectors, kept_kernels

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]

_STREAMS = max(1, min(8, os.cpu_count() or 1))
_FEW_BATCHES = 4
"""Compiling for many takes a third of a second, in which the query thread has run these."""
_KEPT_S = 20
"""A sync encodes every few seconds. What is compiled once has its kernels for each width only once, too."""


def precisions() -> list[Precision]:
    """Precisions this CPU runs natively, fastest first."""
    capabilities = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ["bf16", "f32"] if "BF16" in capabilities else ["f32"]


def convert(module: Any, example: dict[str, Any], path: Path) -> None:
    """Trace a torch module and save it as an OpenVINO graph (weights stored as f16: half the file, the same answers)."""
    ov.save_model(ov.convert_model(module, example_input=example), path, compress_to_fp16=True)


class Graph:
    """A compiled graph: one request at a time on few threads, or many batches on all of them."""

    def __init__(self, path: Path, precision: Precision, threads: int = 1) -> None:
        self._core = ov.Core()
        self._kernels = path.parent / kept_kernels.FOLDER
        self._core.set_property({"CACHE_DIR": str(self._kernels)})
        kept_kernels.drop_damaged(self._kernels)
        self._path = path
        self._precision = precision
        self._single = self._compile({"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads})
        self._local = threading.local()
        self._throughput: Any = None
        self._throughput_lock = threading.Lock()
        self._dropping: threading.Timer | None = None

    def infer(self, batch: Batch) -> Vectors:
        """Run one batch now. Safe to call from several threads: each has a request of its own."""
        request: Any = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._single.create_infer_request()
        return np.array(request.infer(list(batch))[0], dtype=np.float32)

    def infer_many(self, batches: Sequence[Batch]) -> list[Vectors]:
        """Run many batches on all cores; results in the order given."""
        if len(batches) <= _FEW_BATCHES:
            return [self.infer(batch) for batch in batches]
        with self._throughput_lock:
            throughput = self._throughput_kept()
            results: list[Vectors] = [np.empty((0, 0), np.float32)] * len(batches)

            def keep(request: Any, index: int) -> None:
                results[index] = np.array(request.get_output_tensor(0).data, dtype=np.float32)

            queue = ov.AsyncInferQueue(throughput, _STREAMS)
            queue.set_callback(keep)
            for index, batch in enumerate(batches):
                queue.start_async(list(batch), index)
            queue.wait_all()
            # its buffers are as large as the model
            self._dropping = threading.Timer(_KEPT_S, self._drop)
            self._dropping.daemon = True
            self._dropping.start()
            return results

    def _throughput_kept(self) -> Any:
        """Compiled for many batches, and kept for the next."""
        if self._dropping:
            self._dropping.cancel()
        if self._throughput is None:
            self._throughput = self._compile(
                {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": _STREAMS, "INFERENCE_NUM_THREADS": os.cpu_count() or 1}
            )
        return self._throughput

    def _drop(self) -> None:
        with self._throughput_lock:
            self._throughput = None

    def _compile(self, options: dict[str, Any]) -> Any:
        compiled = self._core.compile_model(str(self._path), "CPU", {"INFERENCE_PRECISION_HINT": self._precision, **options})
        kept_kernels.note(self._kernels)
        return compiled

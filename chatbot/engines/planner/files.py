"""What a folder's safetensors files declare in their headers: parameters and bytes. Reads no tensor data.

Source: https://huggingface.co/docs/safetensors/index#format (8 bytes of header length, little-endian; then the header, JSON)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from chatbot.errors import PlanError

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_LONGEST_HEADER = 100_000_000
"""Bytes; the format's own library refuses longer headers."""

_BUFFERS = ("rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias")
"""Constants that old checkpoints store beside their parameters."""


@dataclass(frozen=True)
class Stored:
    """The tensors of a checkpoint."""

    parameters: int
    """Numbers in its tensors; packed formats hold several parameters in one."""
    bytes: int


def stored(folder: Path, tied: bool) -> Stored | None:
    """Add up the headers of a checkpoint's files; None where the folder has no whole checkpoint.

    A head that is tied to the embedding table, and constants such as attention masks, do not count.

    Raises:
        PlanError: a file that is no safetensors file.
    """
    files = _files(folder)
    if not files or not all(file.is_file() for file in files):
        return None
    tensors = {name: tensor for file in files for name, tensor in _tensors(file)}
    counted = [
        tensor
        for name, tensor in tensors.items()
        if not name.endswith(_BUFFERS) and not (tied and name == "lm_head.weight" and len(tensors) > 1)
    ]
    return Stored(sum(math.prod(shape) for shape, _ in counted), sum(size for _, size in counted))


def _files(folder: Path) -> list[Path]:
    index = folder / _INDEX
    if not index.is_file():
        return [folder / _SINGLE] if (folder / _SINGLE).is_file() else []
    try:
        names = set(cast("dict[str, str]", json.loads(index.read_bytes())["weight_map"]).values())
        return [folder / name for name in sorted(names)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise PlanError(f"{index} cannot be read ({error}); download it again") from error


def _tensors(file: Path) -> Iterator[tuple[str, tuple[list[int], int]]]:
    """Name, shape and bytes of each tensor."""
    try:
        header = _header(file)
        for name, tensor in header.items():
            if name != "__metadata__":
                begin, end = tensor["data_offsets"]
                yield name, ([int(each) for each in tensor["shape"]], int(end) - int(begin))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise PlanError(
            f"{file} is no safetensors file ({error}); download it again (a git clone without LFS leaves a stub)"
        ) from error


def _header(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > min(_LONGEST_HEADER, file.stat().st_size):
            raise ValueError(f"its header would be {length:,} bytes long")
        return json.loads(opened.read(length))

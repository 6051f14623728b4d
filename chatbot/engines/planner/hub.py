"""Fetches one small file of a model from the Hugging Face hub, or finds it in the hub's cache. The planner's only network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from chatbot.errors import PlanError

_TIMEOUT_S = 10


def fetch(model: str, file: str) -> Path:
    """The copy in the hub's cache, else the hub's own; HF_HUB_OFFLINE=1 forbids the latter.

    Raises:
        PlanError: no such model or file, no permission, or the hub cannot be reached.
    """
    # slow import, needed for hub models only
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    # the error of the hub's HTTP client, whichever client this version of the hub's package uses
    transport_error = cast("type[Exception]", HfHubHTTPError.__bases__[0])
    try:
        cached = try_to_load_from_cache(model, file)
        if isinstance(cached, str):
            return Path(cached)
        get_hf_file_metadata(hf_hub_url(model, file), timeout=_TIMEOUT_S)  # fails at once; a download would try five times
        return Path(hf_hub_download(model, file))
    except HFValidationError as error:
        raise PlanError(f"{model!r} is neither a folder here nor a hub id such as Qwen/Qwen3-8B") from error
    except GatedRepoError as error:
        raise PlanError(
            f"{model!r} needs permission: accept its licence on huggingface.co, then set HF_TOKEN to your token"
        ) from error
    except RepositoryNotFoundError as error:
        raise PlanError(
            f"the hub has no public model {model!r} and there is no such folder here; check the spelling, or set HF_TOKEN"
        ) from error
    except LocalEntryNotFoundError as error:  # before its parent, EntryNotFoundError
        raise PlanError(_unreachable(model, file)) from error
    except EntryNotFoundError as error:
        raise PlanError(f"{model!r} on the hub has no {file}; choose a model in the transformers format (not GGUF)") from error
    except (transport_error, OSError) as error:
        raise PlanError(_unreachable(model, file)) from error


def _unreachable(model: str, file: str) -> str:
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}
    reason = "HF_HUB_OFFLINE forbids asking the hub" if offline else "the model hub cannot be reached"
    return f"{model!r} is no folder here, and {reason}; go online once, or give a folder that holds {file}"

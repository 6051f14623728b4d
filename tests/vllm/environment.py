"""The environment of the tests' vLLM server: built from requirements.lock into a folder outside the checkout, once per lock.

    python tests/vllm/environment.py            builds it if it is not there, and prints the path of its Python
    python tests/vllm/environment.py --check    builds nothing: prints the path, or exits with 1

On a machine with a GPU, CHATBOT_VLLM_PYTHON names the Python of the environment that the dependency group `vllm` made there.
Knows nothing about pytest or the application, and needs only the standard library.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
TINY_MODEL = HERE / "tiny_model.py"
ROOT = Path(os.environ.get("CHATBOT_VLLM_ENV_DIR") or Path.home() / ".cache" / "chatbot-vllm")
COMMAND = "python tests/vllm/environment.py"

MODEL, ADAPTER = "tiny", "tiny-adapter"
COMPLETE = ".complete"
"""Written last: a virtual environment cannot be built elsewhere and renamed, so this file tells a whole one from a torn one."""


def folder() -> Path:
    """Where this lock's environment belongs, built or not."""
    return ROOT / _digest(LOCK.read_bytes(), f"{sys.version_info[:2]}".encode())


def python() -> Path | None:
    """The environment's Python, or None where it has not been built."""
    if given := os.environ.get("CHATBOT_VLLM_PYTHON"):
        return Path(given)
    return folder() / "bin" / "python" if (folder() / COMPLETE).exists() else None


def build() -> Path:
    """Build the environment unless it is there; two builders at once build it once.

    Raises:
        subprocess.CalledProcessError: pip or the first import failed; pip has said why.
    """
    ROOT.mkdir(parents=True, exist_ok=True)
    with (ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if built := python():
            return built
        shutil.rmtree(folder(), ignore_errors=True)
        venv.create(folder(), with_pip=True)
        built = folder() / "bin" / "python"
        _run(built, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", str(LOCK))
        # nothing to do for a CPU build of torch; the one on PyPI needs its CUDA libraries even to be imported
        (torch,) = (line for line in LOCK.read_text().splitlines() if line.startswith("torch=="))
        _run(built, "-m", "pip", "install", "--quiet", torch)
        _run(built, "-c", "import torch, transformers, vllm")
        (folder() / COMPLETE).touch()
        return built


def models() -> Path:
    """A folder with the tiny model and its adapter, made by the environment's Python; kept until the script changes."""
    built = python()
    assert built is not None, f"build the environment first: {COMMAND}"
    made = folder() / "models" / _digest(TINY_MODEL.read_bytes())
    with (ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            making = made.with_name("making")
            shutil.rmtree(making, ignore_errors=True)
            _run(built, str(TINY_MODEL), str(making / MODEL), str(making / ADAPTER))
            making.rename(made)
    return made


def variables() -> dict[str, str]:
    """The environment variables for the environment's Python: its bytecode is kept, and nothing of ours is imported into it."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV"}
    quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    return {name: value for name, value in os.environ.items() if name not in dropped} | quiet


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, env=variables(), stdout=sys.stderr)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        found = python()
    elif arguments:
        print(__doc__, file=sys.stderr)
        return 2
    else:
        found = build()
    if found is None:
        print(f"there is no environment in {folder()}; {COMMAND} builds it", file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

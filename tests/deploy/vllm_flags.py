"""Writes vllm-0.33.0-flags.txt: every flag of `vllm serve` in the version that the compose file pins.

    python tests/vllm/environment.py && python tests/deploy/vllm_flags.py

The wheel of that version needs CUDA, but its source also builds without any kernels. Laid over the tests' CPU environment, which
is one release older and lends it the libraries, that is enough to print the help; it could not run a model. Takes about a minute.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "vllm"))
import environment  # noqa: E402  stands beside the tests that use it

VERSION = "0.33.0"
FLAGS = Path(__file__).with_name(f"vllm-{VERSION}-flags.txt")

TOOLS = ("setuptools>=77.0.3,<81", "setuptools-scm>=8", "setuptools-rust>=1.9", "packaging", "jinja2", "cmake>=3.26", "ninja")
"""What the source is built with; given by hand, because the build's own list holds torch with CUDA."""
MORE = ("orjson",)
"""Needed by this version and not by the environment's."""


def flags(help_text: str) -> list[str]:
    """The long flags a help text defines, sorted; those it merely mentions are left out."""
    heads = [line for line in help_text.splitlines() if line.startswith("  -")]
    return sorted({flag for head in heads for flag in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", head.split("  ")[1])})


def print_help(python: Path, work: Path) -> str:
    """Build the pinned version without kernels into `work` and have it print its help."""
    tools, overlay = work / "tools", work / "overlay"
    pip = [python, "-m", "pip", "install", "--quiet"]
    variables = environment.variables()
    subprocess.run([*pip, "--target", tools, *TOOLS], check=True, env=variables, stderr=subprocess.DEVNULL)
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--no-binary", "vllm", "--target", overlay, f"vllm=={VERSION}", *MORE],
        check=True,
        env=variables
        | {"VLLM_TARGET_DEVICE": "empty", "VLLM_VERSION_OVERRIDE": VERSION, "PYTHONPATH": str(tools)}
        | {"PATH": f"{tools / 'bin'}:{variables['PATH']}"},
    )
    done = subprocess.run(
        [python, "-m", "vllm.entrypoints.cli.main", "serve", "--help=all"],
        check=True,
        env=variables | {"VLLM_TARGET_DEVICE": "cpu", "PYTHONPATH": str(overlay), "COLUMNS": "400"},
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def main() -> None:
    python = environment.python()
    if python is None:
        sys.exit(f"this needs the vLLM tests' environment: {environment.COMMAND}")
    with tempfile.TemporaryDirectory() as work:
        found = flags(print_help(python, Path(work)))
    FLAGS.write_text("".join(f"{flag}\n" for flag in found))
    print(f"{len(found)} flags in {FLAGS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

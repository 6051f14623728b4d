"""How long the README's install takes in a new virtual environment, and how large it is.

python benchmarks/install.py              pip's cache as it is
python benchmarks/install.py --no-cache   everything downloaded anew
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

_PROJECT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--extras", default="offline")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        environment = Path(scratch)
        venv.create(environment, with_pip=True)
        python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        command = [str(python), "-m", "pip", "install", "-q", "-c", "requirements.lock", f".[{options.extras}]"]
        begun = time.monotonic()
        subprocess.run([*command, *(["--no-cache-dir"] if options.no_cache else [])], cwd=_PROJECT, check=True)
        seconds = time.monotonic() - begun
        size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
        cache = "off" if options.no_cache else "on"
        print(f"[{options.extras}] cache {cache}: {seconds:.0f} s, {size / 1e9:.2f} GB ({size / 2**30:.2f} GiB) on disk")


if __name__ == "__main__":
    main()

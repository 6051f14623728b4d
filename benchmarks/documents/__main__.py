"""What becomes of documents, whole and damaged; and how many of their words are read.

python -m benchmarks.documents verdicts --data DIR [--count 1000 --seed 1] [--append FILE]
    A verdict for every file of DIR/documents/dev and for `--count` damaged copies of them, each in the sandbox, with the seconds
    and the memory that it took. Fails where the reader broke, a limit was passed, or something was written. With `--append` what
    FILE holds already is not done again.

python -m benchmarks.documents recall --data DIR [--append FILE] [--missed]
    The share of the words that a second extractor finds (poppler's pdftotext, LibreOffice) which are read here too, on the files
    of which both give text. `--missed` shows the words.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.documents import recall, verdicts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["verdicts", "recall"])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds documents/<split>/")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--append", type=Path, help="a file of JSON lines that the results are added to")
    parser.add_argument("--missed", action="store_true")
    options = parser.parse_args()
    folder: Path = (options.data / "documents" / options.split).resolve()
    append: Path | None = options.append.resolve() if options.append else None
    if not folder.is_dir():
        parser.error(f"there is no folder {str(folder)!r}")
    if options.what == "recall":
        return recall.run(folder, append, options.missed)
    return verdicts.run(folder, options.count, options.seed, append)


if __name__ == "__main__":
    raise SystemExit(main())

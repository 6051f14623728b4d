"""How many of the words that a second extractor finds are read by the product too."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path

from benchmarks.documents import second
from benchmarks.documents.measured import read
from chatbot.knowledge.sandbox import Sandbox

LEAST = 0.97
"""Of all words together."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
"""Scripts that write without spaces, or break lines anywhere, by the character."""
_HYPHENATED = re.compile(r"[-\u00ad\u2010]\s*\n\s*(?=[^\W\d_])")
_SHOWN = 40


def run(folder: Path, results: Path | None, missed: bool) -> int:
    """1 where too few words are read, else 0."""
    if lacking := second.missing():
        print(f"not measured: {' and '.join(lacking)} not installed; see benchmarks/documents/second.py", file=sys.stderr)
        return 1
    found = wanted = 0
    print("file | words | recall")
    with tempfile.TemporaryDirectory() as scratch, Sandbox() as sandbox:
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            reading = read(sandbox, file.name, file.read_bytes())
            theirs = words(second.text(file, Path(scratch))) if reading.text else Counter[str]()
            if not theirs:
                continue
            lost = theirs - words(reading.text)
            count = theirs.total()
            found, wanted = found + count - lost.total(), wanted + count
            share = 1 - lost.total() / count
            print(f"{file.name} | {count} | {share:.3f}" + (f" | {_listed(lost)}" if missed and lost else ""), flush=True)
            _append(
                results, {"what": "recall", "split": folder.name, "file": file.name, "words": count, "recall": round(share, 4)}
            )
    recall = found / wanted if wanted else 0.0
    print(f"all | {wanted} | {recall:.4f}")
    _append(results, {"what": "recall", "split": folder.name, "file": "all", "words": wanted, "recall": round(recall, 4)})
    return 0 if recall >= LEAST else 1


def words(text: str) -> Counter[str]:
    """Words by how often they stand in a text, whatever their case, their ligatures, and where lines end."""
    text = unicodedata.normalize("NFKC", _HYPHENATED.sub("", text)).casefold()
    return Counter(_WORD.findall(text))


def _listed(words: Counter[str]) -> str:
    return " ".join(f"{word}×{count}" if count > 1 else word for word, count in words.most_common(_SHOWN))


def _append(results: Path | None, row: dict[str, object]) -> None:
    if results:
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

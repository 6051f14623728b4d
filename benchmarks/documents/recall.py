"""How many of the words that a second extractor finds are read by the product too."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.documents import aside, second
from benchmarks.documents.measured import read
from chatbot.knowledge.formats.plain import decode
from chatbot.knowledge.reading.sandbox import Sandbox

LEAST = 0.97
"""Of all words together."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
"""Scripts that write without spaces, or break lines anywhere, by the character."""
_HYPHENATED = re.compile(r"[-\u00ad\u2010]\s*\n\s*(?=[^\W\d_])")
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_AROUND = 3
_LEAST_RUN = 12
"""Characters: a shorter run of words may stand anywhere."""
_SHOWN = 40


def run(folder: Path, results: Path | None, missed: bool) -> int:
    """1 where too few words are read, else 0."""
    if lacking := second.missing():
        print(f"not measured: {' and '.join(lacking)} not installed; see benchmarks/documents/second.py", file=sys.stderr)
        return 1
    found = exact = wanted = 0
    print("file | words | recall | words cut alike")
    with tempfile.TemporaryDirectory() as scratch, Sandbox() as sandbox:
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            raw = file.read_bytes()
            reading = read(sandbox, file.name, raw)
            theirs = _content(words(second.text(file, Path(scratch))), file, raw) if reading.text else []
            if not theirs:
                continue
            ours = words(reading.text)
            unlike = Counter(theirs) - Counter(ours)
            lost = unlike - _cut_otherwise(unlike, theirs, "".join(ours))
            count = len(theirs)
            found, exact, wanted = found + count - lost.total(), exact + count - unlike.total(), wanted + count
            row = _row(folder, file.name, count, 1 - lost.total() / count, 1 - unlike.total() / count)
            print(
                f"{file.name} | {count} | {row['recall']:.3f} | {row['exact']:.3f}" + (f" | {_listed(lost)}" if missed else ""),
                flush=True,
            )
            _append(results, row)
    row = _row(folder, "all", wanted, found / max(1, wanted), exact / max(1, wanted))
    print(f"all | {wanted} | {row['recall']:.4f} | {row['exact']:.4f}")
    _append(results, row)
    return 0 if found >= LEAST * wanted else 1


def words(text: str) -> list[str]:
    """Words in their order, whatever their case, their ligatures, and where lines end."""
    return _WORD.findall(unicodedata.normalize("NFKC", _HYPHENATED.sub("", text)).casefold())


def _content(theirs: list[str], file: Path, raw: bytes) -> list[str]:
    """Without the words that a web page marks as not its content, which LibreOffice prints."""
    if file.suffix.lower() not in {".html", ".htm"}:
        return theirs
    declared = _CHARSET.search(raw[:2048])
    left_out = Counter(words(aside.text(decode(raw, declared[1].decode("ascii") if declared else ""))))
    content: list[str] = []
    for word in theirs:
        left_out[word] -= 1
        if left_out[word] < 0:
            content.append(word)
    return content


def _cut_otherwise(unlike: Counter[str], theirs: Sequence[str], ours: str) -> Counter[str]:
    """Words that are read, but with spaces, hyphens or signs in other places: “D e f”, “prostoy1”."""
    found: Counter[str] = Counter()
    for place, word in enumerate(theirs):
        if found[word] < unlike[word]:
            run = "".join(theirs[max(0, place - _AROUND) : place + _AROUND + 1])
            found[word] += len(run) >= _LEAST_RUN and run in ours
    return found


def _row(folder: Path, name: str, count: int, recall: float, exact: float) -> dict[str, object]:
    return {
        "what": "recall",
        "split": folder.name,
        "file": name,
        "words": count,
        "recall": round(recall, 4),
        "exact": round(exact, 4),
    }


def _listed(words: Counter[str]) -> str:
    return " ".join(f"{word}×{count}" if count > 1 else word for word, count in words.most_common(_SHOWN))


def _append(results: Path | None, row: dict[str, object]) -> None:
    if results:
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

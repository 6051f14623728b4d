"""How well words alone find the passage behind a sentence that cites none: precision and recall at thresholds.

python benchmarks/uncited.py                 the built-in collections
python benchmarks/uncited.py --data FOLDER   and mtRAG (answers of models) and WiCE (claims), both judged by people
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from chatbot import arriving
from chatbot.bootstrap import shipped
from chatbot.flow.attribute import Attribution
from chatbot.language import sentences
from chatbot.language.terms import terms
from chatbot.schema import Chunk, Passage

_THRESHOLDS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0)
_PASSAGE_CHARS = 1000
_OTHERS = 7
"""Passages beside the right one: those that share most terms with the sentence."""
_REPLACED = 5
"""Every fifth content word of a sentence becomes another: a light paraphrase."""
_FAITHFUL, _UNFAITHFUL = 4, 2
"""Votes of 1 to 4: all of them, and the median at most."""


class Case(NamedTuple):
    share: float
    is_right: bool
    """The place that was found does say it."""
    is_findable: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("CHATBOT_EVAL_DATA"), help="the folder with filters/")
    data: Path | None = parser.parse_args().data
    print(f"{date.today()}; precision/recall at a share of at least")
    print(f"{'':34}" + "".join(f"{threshold:>11}" for threshold in _THRESHOLDS))
    for name in ("handbook", "llm-primer"):
        passages = list(_passages(name))
        _row(f"{name}, its sentences", list(_own(passages, 0)))
        _row(f"{name}, lightly paraphrased", list(_own(passages, _REPLACED)))
    if data is None:
        print("mtRAG and WiCE did not run: give --data")
        return
    _row("mtRAG answers", list(_mtrag(_read(Path(data) / "filters/mtrag_faithfulness/human_faithfulness.dev.jsonl.gz"))))
    _row("WiCE claims", list(_wice(_read(Path(data) / "filters/wice/claims.dev.jsonl.gz"))))


def _row(name: str, cases: Sequence[Case]) -> None:
    cells: list[str] = []
    for threshold in _THRESHOLDS:
        found = [case for case in cases if case.share >= threshold]
        right = sum(case.is_right for case in found)
        recall = right / sum(case.is_findable for case in cases)
        cells.append(f"{right / len(found):.2f}/{recall:.2f}" if found else "none")
    print(f"{name + f' ({len(cases)})':<34}" + "".join(f"{cell:>11}" for cell in cells))


def _passages(collection: str) -> Iterator[Passage]:
    for path in sorted((shipped("knowledge") / collection).glob("*.md")):
        text, begun = path.read_text(encoding="utf-8"), 0
        for start, end in sentences.split(text):
            if end - begun > _PASSAGE_CHARS:
                yield _passage(f"{path.name}:{begun}", text[begun:start])
                begun = start
        yield _passage(f"{path.name}:{begun}", text[begun:])


def _passage(id: str, text: str) -> Passage:
    chunk = Chunk(id=id, document_id=id, heading_path=(), text=text, start=0, end=len(text))
    return Passage(chunk=chunk, collection="", source=id, title=id, score=1, dense=1, lexical=1, rank=1)


def _own(passages: Sequence[Passage], replaced: int) -> Iterator[Case]:
    """Each sentence among the passages nearest to it: once with its own, once without."""
    chance = random.Random(0)
    bags = [set(terms(passage.chunk.text)) for passage in passages]
    vocabulary = sorted(set().union(*bags))
    for number, passage in enumerate(passages):
        for start, end in sentences.split(passage.chunk.text):
            text = passage.chunk.text[start:end]
            said = _paraphrased(text, replaced, vocabulary, chance)
            wanted = set(terms(said))
            others = sorted((i for i in range(len(passages)) if i != number), key=lambda i: -len(wanted & bags[i]))[:_OTHERS]
            nearest = [passages[i] for i in others]
            match, stray = Attribution([*nearest, passage]).of(said), Attribution(nearest).of(said)
            if match and stray:
                is_own = match.document == len(nearest) + 1 and match.start < end and match.end > start
                yield Case(match.share, is_own, True)
                yield Case(stray.share, False, False)


def _paraphrased(text: str, replaced: int, vocabulary: Sequence[str], chance: random.Random) -> str:
    words = text.split()
    content = [i for i, word in enumerate(words) if terms(word) and not any(letter.isdigit() for letter in word)]
    for i in content[replaced - 1 :: replaced] if replaced else []:
        words[i] = chance.choice(vocabulary)
    half = len(words) // 2
    return " ".join(words[half:] + words[:half] if replaced else words).rstrip(":?") + "."


def _mtrag(items: Sequence[dict[str, Any]]) -> Iterator[Case]:
    """Sentences of faithful and of unfaithful answers with their own passages, and all with those of another question."""
    for number, item in enumerate(items):
        votes, contexts = item["faithfulness_votes"], item["contexts"]
        is_faithful = min(votes) >= _FAITHFUL
        if not contexts or not (is_faithful or statistics.median(votes) <= _UNFAITHFUL):
            continue
        foreign = items[(number + 1) % len(items)]["contexts"]
        own, other = Attribution(_contexts(contexts)), Attribution(_contexts(foreign))
        for start, end in arriving.split(item["response"]):
            said = item["response"][start:end]
            if match := own.of(said):
                yield Case(match.share, is_faithful, is_faithful)
            if stray := other.of(said):
                yield Case(stray.share, False, False)


def _contexts(texts: Sequence[str]) -> list[Passage]:
    return [_passage(str(i), text) for i, text in enumerate(texts) if text]


def _wice(items: Sequence[dict[str, Any]]) -> Iterator[Case]:
    """Whole claims of Wikipedia against the page they cite. What is supported in part is not supported."""
    for item in items:
        if match := Attribution([_passage(item["id"], "\n\n".join(item["evidence"]))]).of(item["claim"]):
            is_supported = item["label"] == "supported"
            yield Case(match.share, is_supported, is_supported)


def _read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()

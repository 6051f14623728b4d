"""Measures an adapter on development parts: `python -m training.measure --data DIR --out DIR [--adapter FILE] [--quick]`.

Prints one line of JSON per set. Weights to choose from are printed side by side: a good one has neighbours that are as good.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.encoders import bi_encoder, cross_encoder
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.encoders.cross_encoder import CrossEncoder
from training import dev_sets, measure_ranking
from training.dev_sets import Asked
from training.metrics import auroc, cosine_and_overlap, in_unit, log_odds, standing

SUM_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
_QUICK = 300

Report = Mapping[str, object]
Scores = NDArray[np.float64]


def main() -> None:
    asked = _arguments()
    reader = cross_encoder.load(
        asked.out / "models", threads=asked.threads, adapter=asked.adapter or asked.out / "reader.safetensors"
    )
    encoder = bi_encoder.load(cross_encoder.MODEL, asked.out / "models", threads=asked.threads)
    some: Callable[[Sequence[Asked]], Sequence[Asked]] = (lambda sets: sets[:: -(-len(sets) // _QUICK)]) if asked.quick else list
    reports: dict[str, Callable[[], Report]] = {
        "squad 1.1 answer sentence": lambda: sentence(reader, encoder, some(dev_sets.squad(asked.data, "1.1"))),
        "squad 1.1 answer sentence, titled": lambda: sentence(reader, encoder, _titled(some(dev_sets.squad(asked.data, "1.1")))),
        "squad 2.0 answerability": lambda: answerability(reader, encoder, some(dev_sets.squad(asked.data, "2.0"))),
        "squad 2.0 answerability, titled": lambda: answerability(
            reader, encoder, _titled(some(dev_sets.squad(asked.data, "2.0")))
        ),
        "clapnq answerability": lambda: answerability(reader, encoder, some(dev_sets.clapnq(asked.data))),
        "clapnq answerability, titled": lambda: answerability(reader, encoder, _titled(some(dev_sets.clapnq(asked.data)))),
        "clapnq answer sentence": lambda: sentence(reader, encoder, [a for a in dev_sets.clapnq(asked.data) if a.gold]),
        "covid answer sentence": lambda: sentence(reader, encoder, [a for a in some(dev_sets.covid(asked.data)) if a.gold]),
    }
    if not asked.quick:
        squad, (conversations, turns) = dev_sets.squad_passages(asked.data), dev_sets.mtrag(asked.data)
        scifact = dev_sets.scifact(asked.data)
        reports |= {
            "mtrag-un abstention": lambda: measure_ranking.abstention(reader, encoder, conversations, turns),
            "squad passages": lambda: measure_ranking.ranking(reader, encoder, squad, asked.every, asked.out / "squad.npy"),
            "scifact": lambda: measure_ranking.ranking(reader, encoder, scifact, asked.every, asked.out / "scifact.npy"),
        }
    for name, report in reports.items():
        if asked.only in name:
            print(json.dumps({"set": name, **report()}), flush=True)


def sentence(reader: CrossEncoder, encoder: BiEncoder, asked: Sequence[Asked]) -> Report:
    """How often the sentence with the highest score is one that answers."""
    by: dict[str, list[bool]] = {"first": [], "cosine + idf": [], "evidence": []}
    by |= {f"cosine + idf + {weight} x evidence": [] for weight in SUM_WEIGHTS[1:]}
    for each in asked:
        reading = reader.read(each.question, [each.passage])[0]
        evidence = np.array([reading.sentence(*span) for span in each.spans])
        share = np.exp(evidence - np.logaddexp.reduce(evidence))
        plain = sum(cosine_and_overlap(encoder, each))
        by["first"].append(0 in each.gold)
        by["cosine + idf"].append(int(plain.argmax()) in each.gold)
        by["evidence"].append(int(evidence.argmax()) in each.gold)
        for weight in SUM_WEIGHTS[1:]:
            by[f"cosine + idf + {weight} x evidence"].append(int((plain + weight * share).argmax()) in each.gold)
    return {"n": len(asked), **{name: round(float(np.mean(right)), 3) for name, right in by.items()}}


def answerability(reader: CrossEncoder, encoder: BiEncoder, asked: Sequence[Asked]) -> Report:
    """AUROC of passages that answer over those that do not."""
    right = np.array([bool(each.gold) for each in asked])
    logits = np.array([log_odds(reader.read(each.question, [each.passage])[0].answerable) for each in asked])
    sums = [cosine_and_overlap(encoder, each) for each in asked]
    best = {"best sentence's cosine": np.array([cosine.max() for cosine, _ in sums])}
    whole = encoder.encode([each.passage for each in asked])
    questions = np.array([encoder.encode_query(each.question) for each in asked])
    best["passage's cosine"] = (whole * questions).sum(axis=1)
    report: dict[str, object] = {"n": len(asked), "answerable": auroc(logits, right), **standing(logits, right)}
    for name, cosine in best.items():
        blends = {str(weight): auroc(in_unit(cosine) + weight * in_unit(logits), right) for weight in SUM_WEIGHTS}
        report |= {f"{name} + w x answerable": blends}
    return report


def _titled(asked: Sequence[Asked]) -> Sequence[Asked]:
    """The same with the title in front of the passage, which the spans do not cover."""
    shown: list[Asked] = []
    for each in asked:
        lead = f"{each.title}. "
        spans = [(start + len(lead), end + len(lead)) for start, end in each.spans]
        shown.append(each._replace(passage=lead + each.passage, spans=spans))
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="where training wrote to; compiled models are kept there")
    parser.add_argument("--adapter", type=Path, help="another one than the one in --out")
    parser.add_argument("--only", default="", help="only sets whose name holds this")
    parser.add_argument("--every", type=int, default=4, help="of the questions over collections, one in so many")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true", help=f"at most {_QUICK} questions a set, and no ranking")
    return parser.parse_args()


if __name__ == "__main__":
    main()

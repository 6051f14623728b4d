"""How near an answer's words come to those of people: exact match, token F1, ROUGE-L, BLEU, chrF."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import Stemmer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_UNSTEMMED = 3
"""Letters; shorter words are left as they are."""
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(text: str) -> str:
    """Lower case without punctuation, articles and extra white space. Source: the evaluation script of SQuAD 1.1."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(text: str, accepted: Sequence[str]) -> tuple[float]:
    """1 where the normalized text is one of the accepted."""
    return (float(normalized(text) in map(normalized, accepted)),)


def token_f1(text: str, accepted: Sequence[str]) -> tuple[float]:
    """Best F1 over words; where nothing is to be said, 1 for saying nothing.

    Source: the evaluation scripts of SQuAD 1.1 and 2.0.
    """
    return (max((_f1(normalized(text).split(), normalized(each).split()) for each in accepted), default=0.0),)


def rouge_l(text: str, accepted: Sequence[str]) -> tuple[float]:
    """Best F1 of the longest common subsequence of stems.

    Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), tokens and stems as in rouge-score.
    The figures are the same; that library brings two more, one of which takes over the logging of the whole process.
    """
    said = _stems(text)
    return (max((_f1_of(_in_common(said, wanted), said, wanted) for wanted in map(_stems, accepted)), default=0.0),)


def bleu(text: str, accepted: Sequence[str]) -> tuple[float, ...]:
    """What a corpus' BLEU is computed from: lengths of text and nearest reference, then matches and n-grams of each order."""
    score = BLEU(effective_order=True).sentence_score(text, list(accepted))
    return (score.sys_len, score.ref_len, *score.counts, *score.totals)


def chrf(text: str, accepted: Sequence[str]) -> tuple[float]:
    """chrF2 of the sentence in [0, 1], by sacrebleu."""
    return (CHRF().sentence_score(text, list(accepted)).score / 100,)


def _f1(said: Sequence[str], wanted: Sequence[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    return _f1_of(sum((Counter(said) & Counter(wanted)).values()), said, wanted)


def _f1_of(shared: int, said: Sequence[str], wanted: Sequence[str]) -> float:
    return 2 * shared / (len(said) + len(wanted)) if shared else 0.0


def _stems(text: str) -> list[str]:
    porter = Stemmer.Stemmer("porter")
    return [porter.stemWord(word) if len(word) > _UNSTEMMED else word for word in _NOT_A_WORD.sub(" ", text.lower()).split()]


def _in_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for place, against in enumerate(other, 1):
            diagonal, row[place] = row[place], diagonal + 1 if word == against else max(row[place], row[place - 1])
    return row[-1]


METRICS: Mapping[str, Callable[[str, Sequence[str]], tuple[float, ...]]] = MappingProxyType(
    {"EM": exact_match, "F1": token_f1, "ROUGE-L": rouge_l, "BLEU": bleu, "chrF": chrf}
)
"""Items of `chatbot.evaluation.metrics` by the metric's name."""

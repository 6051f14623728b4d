"""Makes questions that a passage almost answers: names, numbers and dates changed, words turned round, the answer taken away.

Every function returns a new question, or None where the text gives nothing to work with.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from training.data import Passage, Question

Pool = Mapping[str, Mapping[str, Sequence[str]]]
"""By article and kind: the names, numbers and dates that stand in it."""

_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_KINDS = {
    "year": re.compile(r"\b1[0-9]{3}\b|\b20[0-2][0-9]\b"),
    "month": re.compile(rf"\b(?:{_MONTH})\b", re.IGNORECASE),
    "number": re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})*(?:\.\d+)?(?![\w,]|\.\d)"),
    "name": re.compile(r"(?<=[a-z,;] )[A-Z][\w'’-]+(?: (?:of |the |de )?[A-Z][\w'’-]+){0,3}"),
}
_TURNED = """
first last|before after|north south|east west|northern southern|eastern western|increase decrease|increased decreased|more less|
most least|largest smallest|larger smaller|highest lowest|higher lower|oldest newest|older younger|early late|earlier later|
begin end|began ended|start finish|started stopped|open close|opened closed|win lose|won lost|winning losing|male female|
men women|man woman|king queen|father mother|son daughter|brother sister|husband wife|birth death|born died|always never|
public private|major minor|main secondary|positive negative|above below|inside outside|internal external|maximum minimum|
best worst|good bad|strong weak|long short|longest shortest|high low|rich poor|wealthy poor|many few|allowed banned|allow forbid|
accepted rejected|support oppose|supported opposed|agree disagree|gain loss|gained lost|buy sell|bought sold|import export|
imported exported|include exclude|included excluded|enter leave|entered left|arrive depart|arrived departed|create destroy|
created destroyed|built demolished|found lost|old new|ancient modern|legal illegal|common rare|popular unpopular|rise fall|
rose fell|raise lower|raised lowered|cause prevent|caused prevented|causes prevents|attack defend|attacked defended|
hot cold|warm cool|dry wet|light dark|black white|left right|upper lower|urban rural|domestic foreign|national local|
military civilian|present absent|connected separated|join leave|joined left|love hate|success failure|victory defeat
"""
_OPPOSITE = {
    word: other
    for pair in _TURNED.replace("\n", "").split("|")
    for word, other in (pair.split(), pair.split()[::-1])  # of a word in two pairs the last one counts
}
_WORD = re.compile(r"[A-Za-z]+")
_VERB = re.compile(r"\b(is|are|was|were|did|does|do|can|could|has|have|would|will)\b", re.IGNORECASE)
_NEVER_NAMES = {"I", "The", "A", "An", "In", "It", "He", "She", "They", "This"}


def pool(passages: Iterable[Passage]) -> Pool:
    """Gather what can stand in for what."""
    found: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for passage in passages:
        for kind, pattern in _KINDS.items():
            found[passage.article][kind].update(dict.fromkeys(pattern.findall(passage.text)))
    return {article: {kind: list(texts) for kind, texts in kinds.items()} for article, kinds in found.items()}


def without_evidence(question: Question) -> Question | None:
    """The passage without the sentences that answer."""
    passage = question.passage
    rest = tuple(each for i, each in enumerate(passage.sentences) if i not in question.gold)
    if not rest or (question.answer and question.answer.lower() in " ".join(rest).lower()):
        return None
    return replace(question, passage=replace(passage, sentences=rest), gold=(), answer="")


def other_in_question(question: Question, pool: Pool, rng: random.Random) -> Question | None:
    """Another name, number or date in the question, out of the same article."""
    swap = _swap(question, pool, rng)
    return replace(question, text=question.text.replace(*swap), gold=(), answer="") if swap else None


def other_in_passage(question: Question, pool: Pool, rng: random.Random) -> Question | None:
    """What question and passage both name is another one in the passage."""
    swap = _swap(question, pool, rng)
    if not swap or not any(swap[0] in question.passage.sentences[i] for i in question.gold):
        return None
    return replace(question, passage=_replaced(question.passage, swap), gold=(), answer="")


def other_in_both(question: Question, pool: Pool, rng: random.Random) -> Question | None:
    """The same change on both sides, after which the passage still answers: a change alone must give nothing away."""
    swap = _swap(question, pool, rng)
    if not swap or swap[0] in question.answer or question.answer in swap[0]:
        return None
    return replace(question, text=question.text.replace(*swap), passage=_replaced(question.passage, swap))


def turned(question: Question, rng: random.Random) -> Question | None:
    """One word of the question by its opposite."""
    found = [match for match in _WORD.finditer(question.text) if match.group().lower() in _OPPOSITE]
    if not found:
        return None
    match = rng.choice(found)
    text = question.text[: match.start()] + _OPPOSITE[match.group().lower()] + question.text[match.end() :]
    return replace(question, text=text, gold=(), answer="")


def negated(question: Question) -> Question | None:
    """A "not" behind the first auxiliary verb."""
    match = _VERB.search(question.text)
    if not match or " not " in question.text or "n't" in question.text:
        return None
    text = f"{question.text[: match.end()]} not{question.text[match.end() :]}"
    return replace(question, text=text, gold=(), answer="")


def _swap(question: Question, pool: Pool, rng: random.Random) -> tuple[str, str] | None:
    """What to replace in the question, and by what."""
    options: list[tuple[str, str]] = []
    named = pool.get(question.passage.article, {})
    for kind, pattern in _KINDS.items():
        for old in pattern.findall(question.text):
            others = [new for new in named.get(kind, ()) if _is_other(new, old, question)]
            if old not in _NEVER_NAMES and others:
                options.append((old, rng.choice(others)))
    return rng.choice(options) if options else None


def _is_other(new: str, old: str, question: Question) -> bool:
    return new not in _NEVER_NAMES and new not in question.text and new not in old and old not in new and new != question.answer


def _replaced(passage: Passage, swap: tuple[str, str]) -> Passage:
    return replace(passage, sentences=tuple(each.replace(*swap) for each in passage.sentences))

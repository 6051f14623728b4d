"""Makes an epoch of questions: each with the passage that answers, one or two that do not, and near misses beside it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from training import near_misses
from training.data import Passage, Question

WHOLE = 0.35
"""Share of passages read whole; of the others a few sentences are read, which is cheaper and more varied."""
TITLED = 0.4
"""Share of groups whose passages begin with their title, where they have one: the reader must work with and without."""
STRIPPED = 0.3
"""Share of questions that also meet their own passage without the sentences that answer."""
NEAR = 0.6
"""Share of questions that get a near miss; a seventh of these is changed on both sides and still answered."""
NEGATED = 0.1
UNMARKED = 0.5
"""Share of the questions whose answer is not marked, and which are most, that take part in an epoch; in the next it is others."""
_TITLE_WORDS = 16


@dataclass(frozen=True, slots=True)
class Row:
    """A question and a passage as they are read, with what is right about them in characters of the passage."""

    question: str
    passage: str
    body: int
    """Where the passage's own text begins, behind its title."""
    gold: tuple[tuple[int, int], ...]
    answer: tuple[int, int] | None
    answerable: bool


Group = Sequence[Row]
"""Rows that share a question. Where one answers, it must be ranked first."""


def epoch(questions: Sequence[Question], neighbours: Sequence[Sequence[Passage]], rng: random.Random) -> list[Group]:
    """In random order."""
    pool = near_misses.pool(dict.fromkeys(question.passage for question in questions))
    groups: list[Group] = []
    for question, near in zip(questions, neighbours, strict=True):
        if question.gold and not question.answer and rng.random() >= UNMARKED:
            continue
        titled = rng.random() < TITLED
        window = 0 if rng.random() < WHOLE else rng.randint(2, 4)
        shown = _window(question, window, rng)
        if not question.gold:
            groups.append([_row(shown, titled)])
            continue
        rows = [_row(shown, titled)]
        if near:
            other = Question(question.text, rng.choice(near))
            rows.append(_row(_window(other, len(shown.passage.sentences), rng), titled))
        if rng.random() < STRIPPED and (stripped := near_misses.without_evidence(shown)):
            rows.append(_row(stripped, titled))
        groups.append(rows)
        if rng.random() < NEAR and (missed := _near_miss(shown, pool, rng)):
            groups.append([_row(missed, titled)])
    rng.shuffle(groups)
    return groups


def _near_miss(question: Question, pool: near_misses.Pool, rng: random.Random) -> Question | None:
    ways = [
        lambda: near_misses.other_in_question(question, pool, rng),
        lambda: near_misses.other_in_question(question, pool, rng),
        lambda: near_misses.other_in_passage(question, pool, rng),
        lambda: near_misses.other_in_both(question, pool, rng),
        lambda: near_misses.turned(question, rng),
        lambda: near_misses.turned(question, rng),
        lambda: near_misses.negated(question) if rng.random() < NEGATED else None,
    ]
    rng.shuffle(ways)
    return next((made for way in ways if (made := way())), None)


def _window(question: Question, size: int, rng: random.Random) -> Question:
    """So many sentences around those that answer, or anywhere where none does; 0 for all."""
    said = question.passage.sentences
    first, last = (question.gold[0], question.gold[-1]) if question.gold else (rng.randrange(len(said)),) * 2
    size = max(size, last - first + 1)
    if size >= len(said) or size == 1 and len(said) == 1 or not size or size == last - first + 1 > 1:
        return question
    start = rng.randint(max(0, last + 1 - size), min(first, len(said) - size))
    passage = replace(question.passage, sentences=said[start : start + size])
    return replace(question, passage=passage, gold=tuple(i - start for i in question.gold))


def _row(question: Question, titled: bool) -> Row:
    title = " ".join(question.passage.title.split()[:_TITLE_WORDS])
    text = f"{title}. " if titled and title else ""
    body, gold, answer = len(text), [], None
    for i, sentence in enumerate(question.passage.sentences):
        if i in question.gold:
            gold.append((len(text), len(text) + len(sentence)))
            found = sentence.find(question.answer) if question.answer else -1
            if found >= 0:
                answer = (len(text) + found, len(text) + found + len(question.answer))
        text += f"{sentence} "
    return Row(question.text, text.rstrip(), body, tuple(gold), answer, bool(gold))

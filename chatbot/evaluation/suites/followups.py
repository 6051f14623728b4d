"""followups: is what answers the last turn found, where that turn leans on the ones before, and where it changes the subject?"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from chatbot.errors import DataMissing
from chatbot.evaluation import ranking
from chatbot.evaluation.bench import Bench, NotRun, ask_all
from chatbot.evaluation.corpus import Store, best_of_each
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets.mtrag import Mtrag, Task, mtrag
from chatbot.language.follow_ups import leans_on_history
from chatbot.schema import Message, Query

NAME = "followups"
_SET = "mtrag-un"
_METRICS = ("nDCG@5", "recall@5", "nDCG@10", "MRR@10")
_DEEP = 50
_SEED = 7

Histories = Mapping[str, Sequence[Message]]


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """MTRAG-UN as it is, and with the history of another conversation in front: a change of subject.

    For the second, questions are taken that stand alone: they point to nothing said before, and asked without any of it they find
    a passage that answers first.
    """
    try:
        set_ = mtrag(bench.data)
    except DataMissing as missing:
        yield NotRun(NAME, _SET, str(missing))
        return
    tasks = bench.some({task.id: task for task in set_.tasks if task.id in set_.qrels})
    with bench.corpora.texts(_SET, set_.passages) as store:
        followed = _searched(store, tasks, {id_: task.history for id_, task in tasks.items()})
        alone = _searched(store, tasks, {})
        standing = {id_: task for id_, task in tasks.items() if _stands_alone(task, alone[id_], set_.qrels[id_])}
        switched = _searched(store, standing, _foreign(set_, standing))
    yield from _measured(_SET, set_, followed, alone)
    yield from _measured(f"{_SET}/switched", set_, switched, {id_: alone[id_] for id_ in standing})


def _measured(name: str, set_: Mtrag, own: ranking.Run, alone: ranking.Run) -> Iterator[Measurement]:
    judged = {id_: set_.qrels[id_] for id_ in own}
    yield from ranking.measured(NAME, name, _METRICS, judged, {None: own, "last turn alone": alone})


def _searched(store: Store, tasks: Mapping[str, Task], histories: Histories) -> ranking.Run:
    def query(id_: str) -> Query:
        return Query(text=tasks[id_].question, history=tuple(histories.get(id_, ())))

    found = ask_all(lambda id_: store.search(query(id_), _DEEP), tasks)
    return {id_: best_of_each(passages, lambda passage: -passage.rank) for id_, passages in found.items()}


def _stands_alone(task: Task, found: Mapping[str, float], judged: Mapping[str, int]) -> bool:
    return bool(found) and max(found, key=lambda id_: found[id_]) in judged and not leans_on_history(task.question)


def _foreign(set_: Mtrag, standing: Mapping[str, Task]) -> Histories:
    """For each question the history of a conversation in the same collection that is about something else."""
    chance = random.Random(_SEED)
    foreign: dict[str, Sequence[Message]] = {}
    for id_, task in standing.items():
        others = [
            other
            for other in set_.tasks
            if other.history and other.collection == task.collection and other.conversation != task.conversation
        ]
        foreign[id_] = chance.choice(others).history if others else ()
    return foreign

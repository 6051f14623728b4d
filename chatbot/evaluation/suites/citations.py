"""citations: is what an answer quotes what people marked as the answer, when nothing but the question is given?

As in ALCE (Gao et al., "Enabling Large Language Models to Generate Text with Citations", 2023): precision is the share of
citations that support, recall the share of statements that one supports. A citation supports only if its words are one of the
gold sentences, so a true quotation that answers nothing is a false citation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chatbot.errors import DataMissing
from chatbot.evaluation.asking import Reply, reply
from chatbot.evaluation.bench import Bench, NotRun, ask_all
from chatbot.evaluation.judging import holds, is_gold
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets.clapnq import clapnq
from chatbot.evaluation.sets.squad import squad
from chatbot.language import sentences
from chatbot.schema import Query

NAME = "citations"
_POOLED = "citation"


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """Answerable questions of CLAPnq and SQuAD 1.1, each asked of all passages of its set, and both pooled."""
    pooled: dict[str, dict[str, tuple[float, ...]]] = {}
    for set_, read in (("clapnq", _clapnq), ("squad", _squad)):
        try:
            replies, gold = read(bench)
        except DataMissing as missing:
            yield NotRun(NAME, set_, str(missing))
            continue
        for metric, items in _counted(replies, gold).items():
            yield Measurement(NAME, set_, metric, items)
            pooled.setdefault(metric, {}).update({f"{set_} {id_}": item for id_, item in items.items()})
    for metric, items in pooled.items():
        yield Measurement(NAME, _POOLED, metric, items)


def _counted(replies: Mapping[str, Reply], gold: Mapping[str, Sequence[str]]) -> Mapping[str, dict[str, tuple[float, ...]]]:
    precision: dict[str, tuple[float, ...]] = {}
    recall: dict[str, tuple[float, ...]] = {}
    gold_recall: dict[str, tuple[float, ...]] = {}
    for id_, each in replies.items():
        citations = () if each.refused else each.answer.citations
        supporting = [citation for citation in citations if is_gold(citation, gold[id_])]
        precision[id_] = (len(supporting), len(citations))
        # an engine that quotes says nothing but what it cites; of one that writes, a sentence without any counts against it
        uncited = sum(verdict.category == "uncited" for verdict in each.answer.verdicts)
        statements = len({(citation.chunk_id, citation.start) for citation in citations})
        recall[id_] = (len({(citation.chunk_id, citation.start) for citation in supporting}), statements + uncited)
        found = [sentence for sentence in gold[id_] if any(is_gold(citation, [sentence]) for citation in citations)]
        gold_recall[id_] = (len(found), 0 if each.refused else len(gold[id_]))
    answered = {id_: (float(not each.refused),) for id_, each in replies.items()}
    return {"precision": precision, "recall": recall, "gold_recall": gold_recall, "answered": answered}


def _clapnq(bench: Bench) -> tuple[Mapping[str, Reply], Mapping[str, Sequence[str]]]:
    every = clapnq(bench.data)
    asked = bench.some({each.id: each for each in every if each.gold})
    with bench.corpora.texts("clapnq", [each.passage for each in every]) as store:
        replies = ask_all(lambda id_: reply(store, Query(text=asked[id_].question)), asked)
    return replies, {id_: asked[id_].gold for id_ in asked}


def _squad(bench: Bench) -> tuple[Mapping[str, Reply], Mapping[str, Sequence[str]]]:
    set_ = squad(bench.data, "1.1")
    asked = bench.some({each.id: each for each in set_.asked})
    with bench.corpora.texts("squad", set_.paragraphs.values()) as store:
        replies = ask_all(lambda id_: reply(store, Query(text=asked[id_].question)), asked)
    gold: dict[str, Sequence[str]] = {}
    for id_, each in asked.items():
        text = set_.paragraphs[each.paragraph].text
        spans = [(start, end) for start, end in sentences.split(text)]
        gold[id_] = [
            text[start:end]
            for start, end in spans
            if any(start <= at < end and holds(text[start:end], [(at, words)]) for at, words in each.answers)
        ]
    return replies, gold

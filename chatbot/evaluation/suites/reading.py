"""reading: given the paragraph that answers, is the right sentence picked; and how near does the answer come to a person's?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chatbot import markers
from chatbot.engines.extractive import ExtractiveEngine
from chatbot.errors import DataMissing
from chatbot.evaluation import wording
from chatbot.evaluation.asking import Reply, best_sentence, reply
from chatbot.evaluation.bench import Bench, NotRun, ask_all
from chatbot.evaluation.judging import holds
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets.clapnq import clapnq
from chatbot.evaluation.sets.squad import squad
from chatbot.schema import Query

NAME = "reading"
_SQUAD_2 = "squad 2.0"


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """SQuAD 1.1 and 2.0 with the paragraph given; CLAPnq's long answers with the passage given."""
    for set_, measured in (("squad", _squad), (_SQUAD_2, _squad_2), ("clapnq", _clapnq)):
        try:
            yield from measured(bench)
        except DataMissing as missing:
            yield NotRun(NAME, set_, str(missing))


def _squad(bench: Bench) -> Iterator[Measurement | NotRun]:
    set_ = squad(bench.data, "1.1")
    asked = bench.some({each.id: each for each in set_.asked})
    with bench.corpora.texts("squad", set_.paragraphs.values()) as store:
        if isinstance(store.engine.model, ExtractiveEngine):
            picked = ask_all(lambda id_: best_sentence(store, Query(text=asked[id_].question), asked[id_].paragraph), asked)
            right = {id_: (float(holds(sentence, asked[id_].answers)),) for id_, sentence in picked.items()}
            yield Measurement(NAME, "squad", "answer_sentence", right)
        else:
            yield NotRun(NAME, "squad answer_sentence", "the engine writes, and picks no sentence")
        replies = ask_all(lambda id_: reply(store, Query(text=asked[id_].question), asked[id_].paragraph), asked)
    yield from _worded(
        "squad", ("EM", "F1", "ROUGE-L"), replies, {id_: [words for _, words in asked[id_].answers] for id_ in replies}
    )


def _squad_2(bench: Bench) -> Iterator[Measurement]:
    """Half of the questions have no answer in their paragraph; there a refusal is right, and nothing else.

    Source: Rajpurkar, Jia, Liang, "Know What You Don't Know" (2018): HasAns and NoAns as their evaluation script names them.
    """
    set_ = squad(bench.data, "2.0")
    asked = bench.some({each.id: each for each in set_.asked})
    with bench.corpora.texts("squad-2", set_.paragraphs.values()) as store:
        replies = ask_all(lambda id_: reply(store, Query(text=asked[id_].question), asked[id_].paragraph), asked)
    accepted = {id_: [words for _, words in each.answers] or [""] for id_, each in asked.items()}
    said = {id_: "" if each.refused else markers.strip(each.answer.text) for id_, each in replies.items()}
    for baseline, texts in ((None, said), ("always abstain", dict.fromkeys(said, ""))):
        f1 = {id_: wording.token_f1(text, accepted[id_]) for id_, text in texts.items()}
        yield Measurement(
            NAME, _SQUAD_2, "EM", {id_: wording.exact_match(text, accepted[id_]) for id_, text in texts.items()}, baseline
        )
        yield Measurement(NAME, _SQUAD_2, "F1", f1, baseline)
        for metric, has_answer in (("HasAns_F1", True), ("NoAns_F1", False)):
            if some := {id_: item for id_, item in f1.items() if bool(asked[id_].answers) is has_answer}:
                yield Measurement(NAME, _SQUAD_2, metric, some, baseline)


def _clapnq(bench: Bench) -> Iterator[Measurement]:
    asked = bench.some({each.id: each for each in clapnq(bench.data) if each.gold})
    with bench.corpora.texts("clapnq", [each.passage for each in clapnq(bench.data)]) as store:
        replies = ask_all(lambda id_: reply(store, Query(text=asked[id_].question), id_), asked)
    yield from _worded("clapnq", ("ROUGE-L", "BLEU", "chrF"), replies, {id_: [asked[id_].answer] for id_ in replies})


def _worded(
    set_: str, metrics: Sequence[str], replies: Mapping[str, Reply], accepted: Mapping[str, Sequence[str]]
) -> Iterator[Measurement]:
    """What a user is told, a refusal included, against what people wrote."""
    said = {id_: markers.strip(each.answer.text) for id_, each in replies.items()}
    for metric in metrics:
        items = {id_: wording.METRICS[metric](text, accepted[id_]) for id_, text in said.items()}
        yield Measurement(NAME, set_, metric, items)

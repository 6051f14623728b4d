"""retrieval: are the documents found that were judged to answer?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing

from chatbot.errors import DataMissing
from chatbot.evaluation import ranking
from chatbot.evaluation.bench import Bench, NotRun, ask_all
from chatbot.evaluation.corpus import Store, Text, best_of_each
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets import beir, squad
from chatbot.evaluation.sets.beir import Beir
from chatbot.evaluation.sets.financebench import OnPages, financebench
from chatbot.evaluation.sets.folder import DataFolder
from chatbot.evaluation.sets.squad import Squad
from chatbot.knowledge.formats import pdf
from chatbot.schema import Passage, Query, Retrieved

NAME = "retrieval"
_PAGED = "financebench"
_METRICS = ("nDCG@10", "recall@5", "recall@10", "recall@100", "MRR@10", "MAP")
_DEEP = 200
"""Passages looked at: both indexes' candidates, so that each index alone can be scored as well."""

_READ = 5
"""Passages among which the page is looked for."""

_RUNS: Mapping[str | None, Callable[[Passage], float]] = {
    None: lambda passage: -passage.rank,
    "BM25 alone": lambda passage: passage.lexical,
    "dense alone": lambda passage: passage.dense,
}


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """SciFact, classic collections, SQuAD's paragraphs, XQuAD's in each language; the pages of FinanceBench's PDF files."""
    for set_, read in _SETS.items():
        try:
            collections = read(bench.data)
        except DataMissing as missing:
            yield NotRun(NAME, set_, str(missing))
            continue
        for collection in collections:
            yield from _measured(bench, collection)
    try:
        yield from _pages(bench)
    except DataMissing as missing:
        yield NotRun(NAME, _PAGED, str(missing))


def _measured(bench: Bench, collection: Beir) -> Iterator[Measurement]:
    with bench.corpora.texts(collection.name, collection.documents) as store:
        asked = bench.some(collection.queries)
        judged = {id_: collection.qrels[id_] for id_ in asked}
        yield from ranking.measured(NAME, collection.name, _METRICS, judged, runs(store, asked))


def runs(store: Store, queries: Mapping[str, str]) -> Mapping[str | None, ranking.Run]:
    """The product's own ranking of each query's texts, and what either index alone makes of the same candidates."""
    found = ask_all(lambda id_: store.search(Query(text=queries[id_]), _DEEP), queries)
    return {name: {id_: _scored(passages, score) for id_, passages in found.items()} for name, score in _RUNS.items()}


def _scored(passages: list[Passage], score: Callable[[Passage], float]) -> Mapping[str, float]:
    return best_of_each(passages, score)


def _pages(bench: Bench) -> Iterator[Measurement]:
    """Is one of the best passages from a page with the evidence? Passages as an answer's are chosen, and each index' own."""
    set_ = financebench(bench.data)
    asked = bench.some(set_.asked)
    with bench.corpora.files(_PAGED, set_.folder) as store:
        read = ask_all(lambda id_: _retrieved(store, Query(text=asked[id_].question)), asked)
        found = ask_all(lambda id_: store.search(Query(text=asked[id_].question), _DEEP), asked)
    starts = {name: pdf.extract((set_.folder / name).read_bytes()).page_starts for name in _files(asked.values())}
    for baseline, score in _RUNS.items():
        items: dict[str, tuple[float, ...]] = {}
        for id_, each in asked.items():
            best = read[id_] if baseline is None else sorted(found[id_], key=score, reverse=True)
            items[id_] = (float(any(each.evidence & _covered(passage, starts) for passage in best[:_READ])),)
        yield Measurement(NAME, _PAGED, "page_recall@5", items, baseline)


async def _retrieved(store: Store, query: Query) -> Sequence[Passage]:
    """The passages of an answer, best first."""
    async with aclosing(store.answer(query)) as events:
        async for event in events:
            if isinstance(event, Retrieved):
                return event.passages
    return ()


def _files(asked: Iterable[OnPages]) -> set[str]:
    return {name for each in asked for name, _ in each.evidence}


def _covered(passage: Passage, starts: Mapping[str, Sequence[int]]) -> set[tuple[str, int]]:
    """The pages a passage runs over: it may begin at the foot of one."""
    chunk, name = passage.chunk, passage.source
    last = bisect_left(starts.get(name, ()), chunk.end)
    return {(name, page) for page in range(chunk.page or 0, last + 1)}


def _as_collection(name: str, set_: Squad) -> Beir:
    documents: list[Text] = list(set_.paragraphs.values())
    queries = {each.id: each.question for each in set_.asked}
    return Beir(name, documents, queries, {each.id: {each.paragraph: 1} for each in set_.asked})


def _xquad(data: DataFolder) -> list[Beir]:
    return [_as_collection(f"xquad/{language}", each) for language, each in squad.xquad(data).items()]


_SETS: Mapping[str, Callable[[DataFolder], list[Beir]]] = {
    "scifact": lambda data: [beir.scifact(data)],
    "classic-ir": beir.classic,
    "squad": lambda data: [_as_collection("squad", squad.squad(data, "1.1"))],
    "xquad": _xquad,
}

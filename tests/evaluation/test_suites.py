"""The suites that go through the whole product, on sets of a few texts: real indexes, the real encoder, quoted answers."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benches import write_lines
from conftest import furnish
from documents import pdf

from chatbot.bootstrap import Application, open_application
from chatbot.errors import UserError
from chatbot.evaluation.bench import Bench, NotRun
from chatbot.evaluation.corpus import Corpora, Text
from chatbot.evaluation.measurement import Measurement, row
from chatbot.evaluation.sets.folder import DataFolder
from chatbot.evaluation.suites import abstention, citations, followups, golden, reading, retrieval
from chatbot.schema import Query
from chatbot.settings import Settings

KETTLES = "The blue kettle holds two litres of water. It was made in Sheffield in 1931."
HARBOUR = "The harbour of Ostend was dredged in 1902. Fishing boats land herring there each morning."
MOTH = "The emperor moth lays its eggs on heather. Its caterpillars are green with black rings."
PASSAGES = {"kettles": KETTLES, "harbour": HARBOUR, "moth": MOTH}


def _squad(path: Path, *, unanswerable: bool) -> None:
    asked = [
        ("kettles", "How much does the blue kettle hold?", "two litres"),
        ("harbour", "When was the harbour of Ostend dredged?", "1902"),
        ("moth", "Where does the emperor moth lay its eggs?", "on heather"),
    ]
    paragraphs = [
        {
            "context": PASSAGES[id_],
            "qas": [
                {
                    "id": f"{id_}-1",
                    "question": question,
                    "answers": [{"text": words, "answer_start": PASSAGES[id_].index(words)}],
                },
                *([{"id": f"{id_}-2", "question": "Who discovered Neptune?", "answers": []}] if unanswerable else []),
            ],
        }
        for id_, question, words in asked
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps({"data": [{"title": "Odd_things", "paragraphs": paragraphs}]}).encode()))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    sets = root / "retrieval"
    corpus = [{"_id": id_, "title": "", "text": text} for id_, text in PASSAGES.items()]
    write_lines(sets / "scifact" / "corpus.jsonl.gz", [*corpus, {"_id": "empty", "title": "Nothing", "text": ""}])
    write_lines(
        sets / "scifact" / "dev" / "queries.jsonl.gz", [{"_id": "q", "text": "herring boats"}, {"_id": "x", "text": "no"}]
    )
    (sets / "scifact" / "dev" / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\tharbour\t1\n")
    _squad(sets / "squad" / "dev" / "squad-v1.1-part.json.gz", unanswerable=False)
    _squad(sets / "squad" / "dev" / "squad-v2.0-part.json.gz", unanswerable=True)
    said = [{"speaker": "user", "text": "Is there a blue kettle?"}, {"speaker": "agent", "text": "Yes, the blue kettle."}]
    other = [{"speaker": "user", "text": "Where are boats?"}, {"speaker": "agent", "text": "In the harbour of Ostend."}]
    asked = [
        ("a", said, "How much does it hold?", "kettles"),
        ("b", other, "How much comes in there?", "harbour"),
        ("c", [], "Where does the emperor moth lay eggs?", "moth"),
    ]
    write_lines(sets / "mtrag-un" / "dev" / "passages.jsonl.gz", corpus)
    write_lines(
        sets / "mtrag-un" / "dev" / "tasks.jsonl.gz",
        [
            {
                "task_id": id_,
                "conversation_id": id_,
                "Collection": "made",
                "answerability": ["ANSWERABLE"],
                "input": [*history, {"speaker": "user", "text": text}],
                "targets": [{"text": "So."}],
            }
            for id_, history, text, _ in asked
        ],
    )
    rows = "".join(f"{id_}\t{passage}\t1\n" for id_, _, _, passage in asked)
    (sets / "mtrag-un" / "dev" / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    bench_ = sets / "financebench" / "dev"
    (bench_ / "pdfs").mkdir(parents=True)
    report = [[f"This page of the report is about the {name} of the company."] for name in ("history", "staff", "dredgers")]
    (bench_ / "pdfs" / "REPORT_2020.pdf").write_bytes(pdf(report, outline=False))
    about = [("here", "What is said about dredgers?", "REPORT_2020"), ("elsewhere", "What is sold?", "REPORT_2021")]
    write_lines(
        bench_ / "questions.jsonl.gz",
        [
            {"financebench_id": id_, "question": question, "evidence": [{"doc_name": name, "evidence_page_num": 2}]}
            for id_, question, name in about
        ],
    )
    for name, question, id_, gold in (
        ("answerable", "how much does the blue kettle hold", "kettles", [KETTLES.split(". ")[0] + "."]),
        ("unanswerable", "who wrote the moonlight sonata", "moth", []),
    ):
        passage = {"title": "Odd things", "text": PASSAGES[id_]}
        output = [{"answer": " ".join(gold), "selected_sentences": gold}]
        write_lines(
            sets / "clapnq" / "dev" / f"{name}.jsonl.gz",
            [{"id": name, "input": question, "passages": [passage], "output": output}],
        )
    return root


@pytest.fixture(scope="module")
def bench(root: Path, tmp_path_factory: pytest.TempPathFactory, models: Path, application: Application) -> Bench:
    @contextmanager
    def opened(data_dir: Path) -> Generator[Application]:
        furnish(data_dir, models)
        with open_application(Settings(data_dir=data_dir), "pytest", read_built_in=False) as store:
            yield store

    @contextmanager
    def own() -> Generator[Application]:
        yield application

    corpora = Corpora(tmp_path_factory.mktemp("corpora"), opened, lambda _: None)
    return Bench(DataFolder(root, "dev"), corpora, own, lambda: application.collections)


Run = Callable[[Bench], Iterator[Measurement | NotRun]]


def _figures(run: Run, bench: Bench) -> dict[tuple[str, str, str | None], float]:
    rows = [row(each, "dev") for each in run(bench) if isinstance(each, Measurement)]
    return {(each.set, each.metric, each.baseline): each.value for each in rows}


def test_retrieval_finds_the_judged_texts_and_says_which_sets_did_not_run(bench: Bench) -> None:
    found = [*retrieval.run(bench)]
    figures = {(each.set, each.metric, each.baseline): row(each, "dev") for each in found if isinstance(each, Measurement)}

    assert {each.set for each in found if isinstance(each, NotRun)} == {"classic-ir", "xquad"}
    for baseline in (None, "BM25 alone", "dense alone"):
        assert figures["scifact", "nDCG@10", baseline].value == 1
    assert figures["scifact", "nDCG@10", None].n == 1  # what nobody judged is not asked
    assert figures["squad", "recall@5", None].value == 1


def test_evidence_is_found_on_its_page_and_files_that_are_not_there_are_not_asked_about(bench: Bench) -> None:
    found = [each for each in retrieval.run(bench) if isinstance(each, Measurement) and each.set == "financebench"]

    assert {each.baseline for each in found} == {None, "BM25 alone", "dense alone"}
    assert all(each.items == {"here": (1.0,)} for each in found)


def test_followups_are_found_by_their_history(bench: Bench) -> None:
    figures = _figures(followups.run, bench)

    assert figures["mtrag-un", "MRR@10", None] == 1
    assert figures["mtrag-un", "MRR@10", None] > figures["mtrag-un", "MRR@10", "last turn alone"]
    assert figures["mtrag-un/switched", "nDCG@5", None] == figures["mtrag-un/switched", "nDCG@5", "last turn alone"] == 1


def test_reading_picks_the_sentence_that_holds_the_answer(bench: Bench) -> None:
    figures = _figures(reading.run, bench)

    assert figures["squad", "answer_sentence", None] == 1
    assert 0 < figures["squad", "F1", None] < 1
    assert figures["clapnq", "ROUGE-L", None] > 0.5


def test_reading_where_nothing_answers_is_to_say_nothing(bench: Bench) -> None:
    figures = _figures(reading.run, bench)

    assert figures["squad 2.0", "NoAns_F1", None] == figures["squad 2.0", "NoAns_F1", "always abstain"] == 1
    assert figures["squad 2.0", "HasAns_F1", None] > figures["squad 2.0", "HasAns_F1", "always abstain"] == 0
    assert figures["squad 2.0", "F1", "always abstain"] == figures["squad 2.0", "EM", "always abstain"] == 0.5


def test_citations_are_right_where_a_gold_sentence_is_quoted(bench: Bench) -> None:
    figures = _figures(citations.run, bench)

    assert figures["clapnq", "gold_recall", None] == 1
    assert 0 < figures["citation", "precision", None] <= 1


def test_what_no_passage_answers_is_refused_and_the_rest_is_not(bench: Bench) -> None:
    figures = _figures(abstention.run, bench)

    assert figures["clapnq", "abstention_auroc", None] == 1
    assert figures["squad", "answerability_auroc", None] == 1
    assert figures["squad", "abstention_f1", None] == 1
    assert figures["squad", "abstention_f1", "always abstain"] == pytest.approx(2 / 3, abs=1e-4)
    assert 0 <= figures["abstention", "ece", None] < 1


def test_golden_questions_are_asked_of_their_own_collection(bench: Bench) -> None:
    some = {name: collection for name, collection in bench.collections().items() if name == "handbook"}

    figures = _figures(golden.run, bench._replace(collections=lambda: some))

    assert figures["handbook", "source_in_top_5", None] > 0.9
    assert figures["handbook", "off_topic_refused", None] > 0.9
    assert 0 < figures["paraphrases", "phrase_in_answer", None] < figures["handbook", "phrase_in_answer", None]


def test_without_data_nothing_looks_as_if_it_had_run(bench: Bench) -> None:
    empty = bench._replace(data=DataFolder(None, "dev"), collections=dict)

    for suite in (retrieval, followups, reading, citations, abstention, golden):
        found = [*suite.run(empty)]
        assert found
        assert all(isinstance(each, NotRun) and each.suite == suite.NAME for each in found)


def test_a_corpus_that_changed_is_read_anew_and_nothing_of_the_old_one_stays(bench: Bench) -> None:
    def found(texts: dict[str, str], question: str) -> list[str]:
        with bench.corpora.texts("changing", [Text(id_, "", text) for id_, text in texts.items()]) as store:
            return [passage.source for passage in asyncio.run(store.search(Query(text=question), 5))]

    assert found({"a/b": KETTLES, "c": HARBOUR}, "blue kettle")[0] == "a%2Fb/passage.html"
    assert found({"c": HARBOUR}, "blue kettle") == ["c/passage.html"]


@pytest.mark.parametrize("split", ["", "../dev", "a b"])
def test_a_split_that_is_no_name_is_refused(root: Path, split: str) -> None:
    with pytest.raises(UserError, match="no name of a part"):
        DataFolder(root, split)


def test_a_folder_that_is_not_there_is_refused(root: Path) -> None:
    with pytest.raises(UserError, match="is not there; name the folder"):
        DataFolder(root / "nowhere", "dev")

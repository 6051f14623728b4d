"""The page of `chatbot eval --page`."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from figures import evaluation, pooled, scores
from selectolax.lexbor import LexborHTMLParser

from chatbot.evaluation.bench import NotRun
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.page import Made, page

MADE = Made("chatbot eval --data 'my <sets>' --page report.html", "dev", "2026-01-02")
MEASURED = [
    scores("golden", "handbook", "source_in_top_5", [1, 1, 0, 1]),
    scores("retrieval", "scifact", "nDCG@10", [0.5, 0.7, 0.9]),
    scores("retrieval", "scifact", "nDCG@10", [0.4, 0.6, 0.8], "BM25 alone"),
    *pooled([(1, 0.9), (1, 0.8), (0, 0.7), (0, 0.1)] * 10),
    *pooled([(1, 0.5), (0, 0.5)] * 20, "constant confidence"),
]


@pytest.fixture(scope="module")
def shown() -> LexborHTMLParser:
    return LexborHTMLParser(page(evaluation(MEASURED, [NotRun("reading", "squad", "retrieval/squad/<dev> is not there")]), MADE))


def test_the_page_needs_no_other_file(shown: LexborHTMLParser) -> None:
    text = shown.html or ""

    assert not shown.css("script, link, img, iframe, object")
    assert not re.findall(r"""(?:href|src)=["'](?!#)|url\((?!#)|@import""", text)


def test_ids_are_unique_and_every_reference_has_its_target(shown: LexborHTMLParser) -> None:
    ids = Counter(node.attributes["id"] for node in shown.css("[id]"))
    targets = {target for pair in re.findall(r'href="#([^"]+)|url\(#([^)]+)\)', shown.html or "") for target in pair if target}

    assert [id_ for id_, count in ids.items() if count > 1] == []
    assert targets <= ids.keys()


def test_the_table_has_every_figure(shown: LexborHTMLParser) -> None:
    cells = [[cell.text() for cell in row.css("td")] for row in shown.css("tbody tr")]

    assert len(cells) == len(MEASURED)
    assert ["scifact", "nDCG@10", "chatbot", "0.700"] in [row[:4] for row in cells]
    assert ["scifact", "nDCG@10", "BM25 alone", "0.600"] in [row[:4] for row in cells]


def test_every_plot_says_its_figures_in_words(shown: LexborHTMLParser) -> None:
    said = [node.attributes.get("aria-label") or "" for node in shown.css("svg")]

    assert [node.attributes.get("role") for node in shown.css("svg")] == ["img"] * 5
    assert any("nDCG@10 of chatbot 0.700" in words and "BM25 alone 0.600" in words for words in said)
    assert any(words.startswith("Risk and coverage") and "50% answered, 0.0% of them wrong" in words for words in said)
    assert any(words.startswith("Reliability") and "confidence 0.900, 100.0% of 4 right" in words for words in said)


def test_colours_are_the_pages_so_that_the_drawing_fits_light_and_dark(shown: LexborHTMLParser) -> None:
    drawings = " ".join(node.html or "" for node in shown.css("svg"))

    assert "var(--bar)" in drawings
    assert not re.findall(r"(?:fill|stroke): #", drawings)


def test_the_page_says_what_did_not_run_and_how_it_was_made(shown: LexborHTMLParser) -> None:
    missing, made = shown.css_first(".missing"), shown.css_first(".made")

    assert missing is not None
    assert "reading · squad: retrieval/squad/<dev> is not there" in missing.text()
    assert made is not None
    assert all(part in made.text() for part in MADE)


def test_a_figure_that_is_undefined_is_said_to_be_and_not_drawn() -> None:
    # no positive item: there is no AUROC
    undefined = Measurement("abstention", "squad", "answerability_auroc", {"1": (0.0, 0.3), "2": (0.0, 0.4)})

    shown = LexborHTMLParser(page(evaluation([undefined]), MADE))

    assert not shown.css("svg")
    assert [cell.text() for cell in shown.css("tbody td")] == ["squad", "answerability_auroc", "chatbot", "undefined", "", "2"]


def test_figures_above_one_do_not_shrink_the_others() -> None:
    perplexity = Measurement("tasks", "passages", "perplexity", {"1": (-30.0, 10.0), "2": (-28.0, 10.0)})

    shown = LexborHTMLParser(page(evaluation([perplexity, scores("tasks", "passages", "accuracy", [1, 0])]), MADE))

    assert [
        len(re.findall("accuracy of|perplexity of", node.attributes.get("aria-label") or "")) for node in shown.css("svg")
    ] == [1, 1]


def test_nothing_measured_is_a_page_that_says_so() -> None:
    assert "Nothing was measured." in page(evaluation([], [NotRun("golden", "golden", "no questions")]), MADE)

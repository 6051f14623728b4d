"""FinanceBench: questions about annual reports and filings, with the pages of the PDF files that hold the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from chatbot.errors import DataMissing
from chatbot.evaluation.sets.folder import DataFolder, lines


class OnPages(NamedTuple):
    """A question whose evidence stands on some pages."""

    question: str
    evidence: frozenset[tuple[str, int]]
    """File name and page, 1-based."""


class FinanceBench(NamedTuple):
    folder: Path
    """The PDF files, all of which are searched for every question."""
    asked: dict[str, OnPages]


def financebench(data: DataFolder) -> FinanceBench:
    """Of the part that is measured, the questions whose evidence is in a file that is there: not all files may be passed on.

    Raises:
        DataMissing: as `DataFolder.part`; or none of the files is there.
    """
    folder = data.file("financebench", "pdfs")
    files = {path.name for path in folder.glob("*.pdf")}
    asked: dict[str, OnPages] = {}
    for row in lines(data.file("financebench", "questions.jsonl.gz")):
        # the set counts pages from 0, as the texts of its evidence show
        pages = {(f"{each['doc_name']}.pdf", int(each["evidence_page_num"]) + 1) for each in row["evidence"]}
        if known := frozenset(page for page in pages if page[0] in files):
            asked[str(row["financebench_id"])] = OnPages(str(row["question"]), known)
    if not asked:
        raise DataMissing("retrieval/financebench has no PDF file that a question is about")
    return FinanceBench(folder, asked)

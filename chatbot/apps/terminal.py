"""What the command line prints: for people in plain text, for scripts as JSON."""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from chatbot import arriving, markers
from chatbot.apps import wire
from chatbot.apps.controls import harmless
from chatbot.reports import DocumentReport, StoredDocument, SyncProgress
from chatbot.schema import Answer, AnswerEvent, Completed, DeltaReleased, Passage
from chatbot.settings import Settings, origin

# ruff: noqa: T201  printing is what this module is for

_EACH = {"refused", "failed", "partly", "removed", "renamed"}
"""States worth a line of their own; the others are counted."""

_MAX_LINES = 50


def answer(value: Answer, as_json: bool) -> None:
    """The text, then its sources by marker."""
    if as_json:
        print(value.model_dump_json(indent=2))
        return
    begun = 0
    for start, end in [*markers.blocks(value.text), (len(value.text), len(value.text))]:
        for line in harmless(value.text[begun:start]).splitlines():
            print(line if line.lstrip().startswith("|") else textwrap.fill(line, _width()))
        if start < end:
            print(harmless(value.text[start:end]))
        begun = min(end + 1, len(value.text))
    _sources(value)
    _unsure(value)


def event(value: AnswerEvent, as_json: bool) -> None:
    """One event as it comes."""
    if as_json:
        print(wire.json_line(value.model_dump_json()), end="", flush=True)
    elif isinstance(value, DeltaReleased):
        print(harmless(value.text), end="", flush=True)
    elif isinstance(value, Completed):
        print()
        _sources(value.answer)
        _unsure(value.answer)


def passages(found: Sequence[Passage], as_json: bool) -> None:
    """Best first, with the scores of each stage."""
    if as_json:
        print(json.dumps({"passages": [passage.model_dump(mode="json") for passage in found]}, indent=2))
        return
    if not found:
        print("nothing found; other words may help, or `chatbot sync PATH` adds documents")
    for passage in found:
        scores = f"score {passage.score:.2f}  cosine {passage.dense:.2f}  bm25 {passage.lexical:.1f}"
        print(f"{passage.rank:>2}  {_place(passage)}\n    {scores}")
        print(
            textwrap.fill(
                harmless(" ".join(passage.chunk.text.split())), _width(), initial_indent="    ", subsequent_indent="    "
            )
        )


def sync(
    reports: Iterable[DocumentReport],
    now: Callable[[], SyncProgress],
    as_json: bool,
    dry_run: bool,
    erase: Callable[[], None] = lambda: None,
) -> bool:
    """Print a sync while it runs; true if a file failed for a reason of ours.

    `now` says how far it is, `erase` makes room for a line. A trial run names what it would add and change, too.
    """
    named = _EACH | {"added", "changed"} if dry_run else _EACH
    begun = time.monotonic()
    documents: list[DocumentReport] = []
    listed = 0
    for report in reports:
        documents.append(report)
        listed += report.state in named
        if not as_json and report.state in named and listed <= _MAX_LINES:
            reason = f": {report.reason}" if report.reason else ""
            erase()
            print(harmless(f"{report.state:>9}  {report.collection}/{report.source}{reason}"), flush=True)
    erase()
    seconds, progress = round(time.monotonic() - begun, 2), now()
    if as_json:
        shown = [each.model_dump(include={"source", "state", "reason", "chunks"}) for each in documents]
        totals = {"embedded_chunks": progress.embedded_chunks, "resplit_documents": progress.resplit}
        print(json.dumps({"documents": shown, "seconds": seconds, **totals}, indent=2))
    else:
        if listed > _MAX_LINES:
            print(f"      ...  and {listed - _MAX_LINES} more; --json lists all")
        counts = Counter(each.state for each in documents)
        states = ", ".join(f"{number:,} {state}" for state, number in counts.most_common()) or "no document was found"
        embedded = f"{progress.embedded_chunks:,} {'chunk' if progress.embedded_chunks == 1 else 'chunks'} embedded; "
        print(f"would be: {states}; {seconds} s" if dry_run else f"{states}; {embedded}{seconds} s")
    return any(each.state == "failed" for each in documents)


def round_of_a_watch(reports: Iterable[DocumentReport], is_first: bool) -> None:
    """What changed, a line a document; after the first round what stays refused or failed is not said again."""
    documents = list(reports)
    for report in documents:
        if report.state != "unchanged" and (is_first or report.state not in ("refused", "failed")):
            reason = f": {report.reason}" if report.reason else ""
            print(harmless(f"{report.state:>9}  {report.collection}/{report.source}{reason}"), flush=True)
    if is_first:
        print(f"{len(documents):,} documents; watching, Ctrl+C stops", flush=True)


def documents(found: Sequence[StoredDocument], as_json: bool) -> None:
    """Each with its state and reason, then how many there are of each state."""
    if as_json:
        print(json.dumps({"documents": [each.model_dump(mode="json") for each in found]}, indent=2))
        return
    for each in found:
        size = f"{each.chunks:>6,} {'chunk ' if each.chunks == 1 else 'chunks'}" if each.chunks else " " * 13
        reason = f": {each.reason}" if each.reason else ""
        print(harmless(f"{each.state:>9} {size}  {each.collection}/{each.source}{reason}"))
    counts = Counter(each.state for each in found)
    print(
        ", ".join(f"{number:,} {state}" for state, number in counts.most_common())
        or "no documents; `chatbot sync PATH` adds some"
    )


def settings(value: Settings, as_json: bool) -> None:
    """Every setting by its name in chatbot.toml, with the variable that sets it and where its value comes from."""
    values = value.model_dump(mode="json")
    if as_json:
        print(json.dumps(values, indent=2))
        return
    for key, setting in _flat(values):
        variable = "CHATBOT_" + key.replace(".", "__").upper()
        print(f"{key:<33}{json.dumps(setting):<43} {variable:<44} {origin(key)}")


def _flat(values: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{inside}{name}.")
        else:
            yield inside + name, value


def _sources(value: Answer) -> None:
    cited: dict[int, str] = {}
    for citation in value.citations:
        passage = next(each for each in value.passages if each.chunk.id == citation.chunk_id)
        cited.setdefault(citation.marker, _place(passage))
    if cited:
        print()
    for marker, place in cited.items():
        print(f"[{marker}] {place}")


def _unsure(value: Answer) -> None:
    """The sentences that a check has marked, and why."""
    spans = arriving.split(value.text) if value.verdicts else []
    marked = [each for each in value.verdicts if each.action == "mark" and each.sentence < len(spans)]
    if marked:
        print()
    for verdict in marked:
        start, end = spans[verdict.sentence]
        print(f"unsure: {textwrap.shorten(harmless(value.text[start:end]), _width() - 10)}\n        {verdict.reason}")


def _place(passage: Passage) -> str:
    headings = [heading for heading in passage.chunk.heading_path if heading != passage.title]
    page = f", page {passage.chunk.page}" if passage.chunk.page else ""
    return harmless(f"{' > '.join([passage.title, *headings])} ({passage.collection}/{passage.source}{page})")


def _width() -> int:
    return min(100, shutil.get_terminal_size().columns)


def tokens(cut: Sequence[tuple[int, str]], as_json: bool) -> None:
    """Each token with its id, and how many there are."""
    if as_json:
        print(json.dumps({"count": len(cut), "tokens": [{"id": id_, "text": text} for id_, text in cut]}))
        return
    for id_, text in cut:
        print(f"{id_:>8}  {text!r}")
    print(f"{len(cut)} tokens")

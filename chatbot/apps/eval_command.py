"""`chatbot eval`: measures how good the answers are, and with `--gate` fails where a change has made them worse."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatbot import settings
from chatbot.apps.document_commands import Say
from chatbot.errors import UserError
from chatbot.settings import Settings

if TYPE_CHECKING:
    from chatbot.bootstrap import Application
    from chatbot.evaluation.bench import Bench
    from chatbot.evaluation.evaluate import Evaluation
    from chatbot.evaluation.sets.folder import DataFolder

BASELINES = Path("baselines")
_FOLDER = "evaluation"
"""Of a data directory: the data directories of the sets, kept so that nothing is encoded twice."""


_NEEDED = ("ir_measures", "sacrebleu", "scipy", "sklearn", "matplotlib")
"""What the extra `eval` installs."""


def add_to(app: typer.Typer, say: Say) -> None:
    """Give the command line its command."""

    @app.command(name="eval")
    def evaluate(
        suites: Annotated[list[str] | None, typer.Argument(metavar="[SUITE]...", help="Suites to run [all].")] = None,
        data: Annotated[Path | None, typer.Option(help="Folder of evaluation sets.", envvar="CHATBOT_EVAL_DATA")] = None,
        split: Annotated[str, typer.Option(help="Part of the sets to measure; golden questions have none.")] = "dev",
        json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures to it.")] = None,
        page_file: Annotated[Path | None, typer.Option("--page", metavar="FILE", help="Write a page with plots to it.")] = None,
        limit: Annotated[int | None, typer.Option(min=1, help="Ask only so many questions of each set.")] = None,
        misses: Annotated[bool, typer.Option("--misses", help="Name the questions that came to nothing.")] = False,
        gate: Annotated[
            bool, typer.Option("--gate", help="Fail where a suite is significantly worse than its baseline.")
        ] = False,
        keep: Annotated[bool, typer.Option("--keep", help="Make what is measured the baseline.")] = False,
        baselines: Annotated[Path, typer.Option(help="Folder of the baselines.")] = BASELINES,
    ) -> None:
        """Measure how good the answers are. Exit code 1 where --gate finds a suite that became worse."""
        if gate and keep:
            raise UserError("--gate compares with the baseline and --keep replaces it; give one of them")
        _check_files([each for each in (json_file, page_file) if each], baselines)
        _check_installed()
        from chatbot.evaluation import evaluate as running
        from chatbot.evaluation import gate as gates
        from chatbot.evaluation.sets.folder import DataFolder

        names = running.chosen(suites or [])
        if gate:
            gates.check(baselines, split, names)
        bench = _bench(settings.load(), DataFolder(data, split), limit, say)
        done = _shown(names, bench)
        if misses:
            _name_misses(done)
        if json_file:
            rows = [row.model_dump() for row in done.rows]
            json_file.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if page_file:
            page_file.write_text(_page(done, split), encoding="utf-8")
        raise typer.Exit(_decided(done, gate, keep, baselines, split))


def _check_files(written: Sequence[Path], baselines: Path) -> None:
    """Said before the hours of measuring, not after them."""
    for file in written:
        if file.is_dir():
            raise UserError(f"{str(file)!r} is a folder; name a file in it to write to")
        if not file.parent.is_dir():
            raise UserError(f"there is no folder {str(file.parent)!r} to write {file.name} into; make it first")
    if baselines.exists() and not baselines.is_dir():
        raise UserError(f"--baselines {str(baselines)!r} is a file; name the folder that holds <suite>.<split>.jsonl")


def _check_installed() -> None:
    """As `_check_files`: the plots are drawn last."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise UserError(f"chatbot eval needs {', '.join(missing)}; run `pip install 'chatbot[eval]'`")


def _bench(configured: Settings, data: DataFolder, limit: int | None, say: Say) -> Bench:
    from chatbot.apps.session import connect
    from chatbot.bootstrap import open_application
    from chatbot.evaluation.bench import Bench
    from chatbot.evaluation.corpus import Corpora
    from chatbot.knowledge.sources import collections
    from chatbot.knowledge.sources.roots import knowledge_folders

    @contextmanager
    def opened(data_dir: Path) -> Generator[Application]:
        with open_application(configured.model_copy(update={"data_dir": data_dir, "database": ""}), "eval", False) as application:
            yield application

    return Bench(
        data=data,
        corpora=Corpora(configured.data_dir / _FOLDER, opened, say),
        session=lambda: connect(configured, "eval", say),
        collections=lambda: collections.discover(knowledge_folders(configured)),
        limit=limit,
    )


def _shown(names: Sequence[str], bench: Bench) -> Evaluation:
    """Runs the suites, and shows what is known as soon as it is."""
    from chatbot.evaluation import evaluate as running
    from chatbot.evaluation.table import Table

    table = Table()

    def show(lines: Iterator[str]) -> None:
        for line in lines:
            typer.echo(line)

    done = running.evaluate(names, bench, lambda found: show(table.add(found)))
    show(table.close())
    return done


def _page(done: Evaluation, split: str) -> str:
    from chatbot.evaluation.page import Made, page

    command = shlex.join(["chatbot", *sys.argv[1:]])
    return page(done, Made(command, split, datetime.now(UTC).date().isoformat()))


def _name_misses(done: Evaluation) -> None:
    for each in done.measured:
        missed = [id_ for id_, item in each.items.items() if item == (0.0,)] if each.baseline is None else []
        for id_ in missed:
            typer.echo(f"missed  {each.suite} {each.set} {each.metric}: {id_}")


def _decided(done: Evaluation, gate: bool, keep: bool, baselines: Path, split: str) -> int:
    """The exit code."""
    from chatbot.evaluation import gate as gates

    if keep:
        for written in gates.keep(baselines, split, done.measured):
            typer.echo(f"baseline: {written}")
    if not gate:
        return 0
    changes = list(gates.compare(baselines, split, done.measured))
    worse = [change for change in changes if change.is_worse]
    for change in worse:
        typer.echo(
            f"WORSE  {change.suite} {change.set} {change.metric}: {change.before:.3f} -> {change.now:.3f} "
            f"(difference {change.low:+.3f} to {change.high:+.3f})"
        )
    typer.echo(f"gate: {len(changes)} figures compared, {len(worse)} significantly worse")
    if not changes:
        raise UserError("nothing was compared, so the gate stays closed; the lines above say why the suites did not run")
    return 1 if worse else 0

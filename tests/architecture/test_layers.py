"""The shape of the code, which DESIGN.md promises and nobody should have to watch over by eye."""

from __future__ import annotations

import ast
import logging
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
BORDERS: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "vendors.toml").read_text())

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
HEAVY = ("torch", "transformers", "gradio", "chromadb", "openvino", "sentence_transformers", "sqlalchemy", "langchain_core")
MAY_PRINT = {"chatbot.apps.cli", "chatbot.apps.terminal", "chatbot.apps.doctor", "chatbot.apps.plan"}
MAY_CATCH_ALL = {
    "chatbot.flow.pipeline",
    "chatbot.flow.screen",
    "chatbot.knowledge.reading.reader",
}  # what others plug in runs behind these
VAGUE = {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _modules(*folders: str) -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


PRODUCT = _modules("chatbot")
MEASURED = _modules("chatbot", "benchmarks")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _vendors(module: str) -> set[str]:
    """Third-party packages a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(_tree(PRODUCT[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return {name for name in found if name not in sys.stdlib_module_names and name != "chatbot"}


def _functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, Function))


def _within(module: str, border: str) -> bool:
    return module == border or module.startswith(f"{border}.")


@pytest.fixture
def _loggers() -> Iterator[None]:
    """As they were: import-linter switches every logger off that it does not know."""
    yield
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.mark.usefixtures("_loggers")
def test_each_layer_imports_only_what_is_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert not broken, capsys.readouterr().out


@pytest.mark.parametrize("module", PRODUCT)
def test_a_vendor_is_imported_only_at_its_border(module: str) -> None:
    outside = {name for name in _vendors(module) if not any(_within(module, border) for border in BORDERS.get(name, []))}

    assert not outside, f"{module} may not import {outside}; see vendors.toml"


def test_every_border_is_needed() -> None:
    used = {(vendor, module) for module in PRODUCT for vendor in _vendors(module)}
    needless = [
        (vendor, border)
        for vendor, borders in BORDERS.items()
        for border in borders
        if not any(vendor == name and _within(module, border) for name, module in used)
    ]

    assert not needless


@pytest.mark.parametrize("module", MEASURED)
def test_files_and_functions_stay_short(module: str) -> None:
    path = MEASURED[module]
    long = {
        function.name: length
        for function in _functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    }

    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES
    assert not long


@pytest.mark.parametrize("module", PRODUCT)
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(_tree(PRODUCT[module]))


@pytest.mark.parametrize("module", sorted(PRODUCT.keys() - MAY_PRINT))
def test_only_the_command_line_prints(module: str) -> None:
    prints = [
        node.lineno
        for node in ast.walk(_tree(PRODUCT[module]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]

    assert not prints


@pytest.mark.parametrize("module", [name for name in PRODUCT if not _within(name, "chatbot.apps") and name not in MAY_CATCH_ALL])
def test_everything_is_caught_only_where_it_may_be(module: str) -> None:
    broad = [
        node.lineno
        for node in ast.walk(_tree(PRODUCT[module]))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
    ]

    assert not broad


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [module for module in MEASURED if VAGUE & set(module.split("."))]


@pytest.mark.parametrize("modules", ["chatbot", "chatbot.apps.cli, chatbot.apps.session, chatbot.apps.terminal"])
def test_what_a_second_terminal_imports_loads_nothing_heavy_and_changes_nothing(modules: str, tmp_path: Path) -> None:
    program = f"import sys, {modules}; print([name for name in {HEAVY!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)

    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []

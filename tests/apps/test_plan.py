"""`chatbot plan`: what people see in 80 columns, and the JSON that scripts read."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from chatbot.apps import cli

PUBLISHED: dict[str, Any] = tomllib.loads((Path(__file__).parents[1] / "engines" / "published_models.toml").read_text())


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A published model's config.json in the working directory, under a short name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "config.json").write_text(json.dumps(PUBLISHED["llama-3.1-8b"]["config"]))
    return "./llama"


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["chatbot", "plan", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def test_a_plan_is_a_page_with_a_command_to_paste(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, model, "--users", "10") == 0

    out = capsys.readouterr().out
    assert "Parameters     8,030,261,248 (8.03 billion)\n" in out
    assert "KV cache       128 KiB a token, 1 GiB for 8,192 tokens\n" in out
    assert "  bf16                      15.0   1   <- planned\n" in out
    assert "  vllm serve ./llama \\\n    --max-model-len 8192 \\\n    --max-num-seqs 10 \\\n" in out


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("gpus", ["1", "64"])
def test_no_line_is_longer_than_80_columns(
    name: str, gpus: str, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(model, "config.json").write_text(json.dumps(PUBLISHED[name]["config"]))

    assert _run(monkeypatch, model, "--gpus", gpus, "--context", "200000") == 0

    assert not [line for line in capsys.readouterr().out.splitlines() if len(line) > 80 or line != line.rstrip()]


def test_json_holds_the_whole_plan(model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, model, "--gpu-memory", "80", "--json") == 0

    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == 8_030_261_248
    assert found["wish"] == {"gpu_gib": 80.0, "context": 8192, "users": 50, "gpus": None}
    assert found["fit"]["tensor_parallel"] == 1
    assert found["command"].startswith("vllm serve ./llama --max-model-len 8192")


@pytest.mark.parametrize("arguments", [["./nothing"], ["./llama", "--users", "-3"], ["./llama", "--gpu-memory", "0"]])
def test_a_mistake_is_one_sentence(
    arguments: list[str], model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, *arguments) == 2

    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("error: ")
    assert streams.err.count("\n") == 1

"""Every task against the configured engine: does its result follow its schema, and are the plainest cases right?

A model that cannot repeat a word has random weights or is a stand-in; its quality is not measured. The cases, in tasks.jsonl, are
few and easy: they tell a model that works from one that does not, and no more. What has no case has no figure.

python benchmarks/tasks.py                     the server of CHATBOT_VLLM__URL or chatbot.toml
python benchmarks/tasks.py --url URL           another one
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatbot import settings
from chatbot.bootstrap import Application, open_application
from chatbot.errors import ChatbotError
from chatbot.sections import VllmSettings
from chatbot.tasks.events import TaskCard, TaskResult, last_result

PROBE = {"text": "Reply with the word kettle and nothing else."}
NOT_MEASURED = "not measured here"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="the vLLM server")
    parser.add_argument("--data-dir", type=Path, help="reuse an index instead of building one in a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        configured = settings.load(data_dir=options.data_dir or Path(scratch), engine="vllm")
        if options.url:
            server = VllmSettings.model_validate({**configured.vllm.model_dump(), "url": options.url})
            configured = configured.model_copy(update={"vllm": server})
        with open_application(configured, "tasks") as application:
            asyncio.run(_report(application))


async def _report(application: Application) -> None:
    works = await _can_repeat(application)
    cases = [json.loads(line) for line in (Path(__file__).parent / "tasks.jsonl").read_text(encoding="utf-8").splitlines()]
    print(f"{'task':<14}| {'schema':<10}| {'seconds':<8}| {'tokens':<7}| easy cases that are right")
    for card in application.tasks():
        begun = time.monotonic()
        outcome, tokens = await _tried(application, card)
        seconds = time.monotonic() - begun
        quality = await _quality(application, [case for case in cases if case["task"] == card.name]) if works else NOT_MEASURED
        print(f"{card.name:<14}| {outcome:<10}| {seconds:<8.1f}| {tokens:<7}| {quality}")
    if not works:
        print(
            "The model cannot repeat a word: its weights are random, or it is a stand-in. Only protocol and schemas were tested."
        )


async def _can_repeat(application: Application) -> bool:
    return "kettle" in (await _result(application, "chat", PROBE)).text.lower()


async def _tried(application: Application, card: TaskCard) -> tuple[str, int]:
    """What came of the task's own example, and the tokens it wrote."""
    try:
        result = await _result(application, card.name, card.example)
    except ChatbotError as error:
        print(f"{card.name}: {error}")
        return "failed", 0
    return ("cut off" if result.finish_reason == "length" else "valid"), result.usage.completion_tokens


async def _quality(application: Application, cases: list[dict[str, Any]]) -> str:
    if not cases:
        return f"{NOT_MEASURED}: there are no cases"
    right = 0
    for case in cases:
        data = (await _result(application, case["task"], case["inputs"])).data
        right += isinstance(data, dict) and all(data.get(name) == value for name, value in case["expected"].items())
    return f"{right} of {len(cases)}"


async def _result(application: Application, name: str, inputs: Mapping[str, Any]) -> TaskResult:
    return await last_result(application.run_task(name, inputs))


if __name__ == "__main__":
    main()

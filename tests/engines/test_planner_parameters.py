"""The planner's parameter counts against published ones, and what an unreadable model is answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from chatbot.engines.planner import config
from chatbot.engines.planner.config import Fields
from chatbot.engines.planner.families import ARCHITECTURES, shape
from chatbot.engines.planner.parameters import count
from chatbot.errors import PlanError

PUBLISHED: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "published_models.toml").read_text())
MIXTURES = [name for name, model in PUBLISHED.items() if "active" in model]
LLAMA = PUBLISHED["llama-3.1-8b"]["config"]
MIXTRAL = PUBLISHED["mixtral-8x7b-v0.1"]["config"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_count_is_the_published_one(name: str) -> None:
    published = PUBLISHED[name]

    counted = count(shape(Fields(name, published["config"]))).total

    assert counted == pytest.approx(published["total"], rel=0 if published["exact"] else 0.005)


@pytest.mark.parametrize("name", MIXTURES)
def test_the_active_count_of_a_mixture_is_the_published_one_as_it_is_rounded(name: str) -> None:
    published = PUBLISHED[name]
    found = shape(Fields(name, published["config"]))
    embedding = found.vocabulary * found.hidden if published.get("active_without_embedding") else 0

    assert count(found).active - embedding == pytest.approx(published["active"], rel=0.025)


def test_every_architecture_has_a_published_model() -> None:
    assert {model["config"]["architectures"][0] for model in PUBLISHED.values()} == set(ARCHITECTURES)


@pytest.mark.parametrize("published", PUBLISHED.values(), ids=PUBLISHED)
def test_every_published_count_cites_its_source(published: dict[str, Any]) -> None:
    assert "https://" in published["source"]
    assert ("active" in published) == ("active_source" in published)


def test_a_known_architecture_may_stand_behind_an_unknown_one() -> None:
    found = shape(Fields("x", LLAMA | {"architectures": ["TheirLlama", "LlamaForCausalLM"]}))

    assert found.architecture == "LlamaForCausalLM"


def test_gemma_3_with_vision_says_what_is_not_counted() -> None:
    assert shape(Fields("x", PUBLISHED["gemma-3-4b"]["config"])).partial == "the vision part of the model"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden_size": None}, "config.json has no field 'hidden_size'"),
        ({"hidden_size": "4096"}, "field 'hidden_size' is '4096'; a whole number from 1"),
        ({"hidden_size": 4096.5}, "field 'hidden_size' is 4096.5"),
        ({"hidden_size": True}, "field 'hidden_size' is True"),
        ({"num_hidden_layers": -1}, "field 'num_hidden_layers' is -1"),
        ({"vocab_size": 10**30}, "field 'vocab_size' is 1000"),
        ({"tie_word_embeddings": "no"}, "field 'tie_word_embeddings' is 'no'; true or false"),
        ({"num_key_value_heads": 5}, "32 attention heads cannot share 5 key-value heads"),
        ({"num_attention_heads": 8192}, "hidden size 4096 is less than one number for each of 8192 attention heads"),
        ({"architectures": ["MambaForCausalLM"]}, "architecture MambaForCausalLM, which is not counted; these are: Llama"),
        ({"architectures": None}, "unknown (no field architectures)"),
        ({"architectures": "LlamaForCausalLM"}, "unknown (no field architectures)"),
        ({"architectures": ["Gemma3ForConditionalGeneration"]}, "no field 'text_config'"),
    ],
)
def test_a_config_that_cannot_be_counted_is_refused_with_the_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError) as refused:
        shape(Fields("config.json", LLAMA | change))

    assert said in str(refused.value)


def test_more_layer_types_than_layers_are_refused() -> None:
    oss = PUBLISHED["gpt-oss-20b"]["config"]

    with pytest.raises(PlanError, match="it lists more layers than its 24"):
        shape(Fields("config.json", oss | {"layer_types": ["sliding_attention"] * 25}))


def test_more_experts_a_token_than_there_are_is_refused() -> None:
    with pytest.raises(PlanError, match="9 experts a token of only 8"):
        shape(Fields("config.json", MIXTRAL | {"num_experts_per_tok": 9}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b"[1, 2]", "holds no JSON object"),
        (None, "holds no config.json"),
    ],
)
def test_a_folder_without_a_readable_config_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)

    with pytest.raises(PlanError) as refused:
        config.read(str(tmp_path))

    assert said in str(refused.value)


@pytest.mark.parametrize("model", ["/no/such/folder", "./model", "~/no-such-folder-at-all", "a/b/c"])
def test_a_path_that_is_not_there_is_refused_without_asking_the_hub(model: str) -> None:
    with pytest.raises(PlanError, match="there is no folder"):
        config.read(model)


@pytest.mark.parametrize("model", ["", "  "])
def test_an_empty_name_is_refused(model: str) -> None:
    with pytest.raises(PlanError, match="MODEL is empty"):
        config.read(model)


def test_the_file_itself_may_be_named(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(LLAMA))

    found = config.read(str(file))

    assert (found.name, found.folder) == (str(tmp_path), tmp_path)


def _plan(model: str, **environment: str) -> str:
    """What a process says on stderr: the hub's package reads its environment when it is imported."""
    command = [sys.executable, "-m", "chatbot", "plan", model]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60, check=False)
    assert done.returncode == 2
    return done.stderr


@pytest.mark.parametrize(
    ("model", "environment", "said"),
    [
        ("nobody/nothing", {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids asking the hub; go online once"),
        ("nobody/nothing", {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}, "the model hub cannot be reached"),
        ("not an id!", {"HF_HUB_OFFLINE": "1"}, "is neither a folder here nor a hub id"),
    ],
)
def test_a_hub_that_does_not_answer_is_one_sentence(tmp_path: Path, model: str, environment: dict[str, str], said: str) -> None:
    error = _plan(model, HF_HOME=str(tmp_path), **environment)

    assert said in error
    assert len(error.splitlines()) == 1


def test_a_model_in_the_hubs_cache_needs_no_network(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub" / "models--some--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(LLAMA | {"hidden_size": None}))
    refs = tmp_path / "hub" / "models--some--model" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")

    error = _plan("some/model", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")

    assert "has no field 'hidden_size'" in error

"""The plan: memory, the split over GPUs, the command, and what is said in plain words."""

from __future__ import annotations

import json
import math
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatbot.engines.planner import files, formats, memory, parameters
from chatbot.engines.planner.config import Fields
from chatbot.engines.planner.families import shape
from chatbot.engines.planner.memory import GIB, Split
from chatbot.engines.planner.plan import plan
from chatbot.engines.planner.shape import Shape
from chatbot.engines.planner.value import Plan, Wish
from chatbot.errors import PlanError

CONFIGS: dict[str, dict[str, Any]] = {
    name: model["config"] for name, model in tomllib.loads((Path(__file__).parent / "published_models.toml").read_text()).items()
}
VLLM_FLAGS = set((Path(__file__).parents[1] / "deploy" / "vllm-0.33.0-flags.txt").read_text().split())

Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    """Plans a published model, with fields of its config changed."""

    def plan_it(name: str, wish: Wish | None = None, **changes: Any) -> Plan:
        (tmp_path / "config.json").write_text(json.dumps(CONFIGS[name] | changes))
        return plan(str(tmp_path), wish or Wish())

    return plan_it


def _shape(name: str, **changes: Any) -> Shape:
    return shape(Fields(name, CONFIGS[name] | changes))


def _safetensors(file: Path, tensors: dict[str, tuple[str, list[int]]]) -> None:
    """Writes the header of a file, and no data."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, (kind, sizes) in tensors.items():
        begin, end = end, end + math.prod(sizes) * {"F32": 4, "BF16": 2, "U8": 1}[kind]
        header[name] = {"dtype": kind, "shape": sizes, "data_offsets": [begin, end]}  # type: ignore[assignment]
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("llama-2-7b", 524_288),  # multi-head: 2 * 32 * 32 * 128 * 2, as the primer's page 14 has it
        ("llama-3.1-8b", 131_072),  # grouped: 8 heads
        ("gemma-2b", 18_432),  # one key-value head
        ("gpt2", 36_864),
        ("deepseek-v3", 70_272),  # (512 + 64) * 61 * 2: the 70 KB of the DeepSeek-V3 hardware paper, arXiv:2505.09343, table 1
    ],
)
def test_kv_cache_of_a_token(name: str, size: int) -> None:
    assert memory.token_bytes(_shape(name)) == size
    assert memory.token_bytes(_shape(name), kv="fp8") == size // 2


def test_a_cache_takes_whole_blocks() -> None:
    llama = _shape("llama-3.1-8b")

    assert memory.sequence_bytes(llama, 17) == memory.sequence_bytes(llama, 32) == 32 * 131_072


def test_sliding_window_layers_keep_their_window_only() -> None:
    gemma = _shape("gemma-3-1b")
    layer = memory.layer_bytes(gemma)

    assert gemma.window_layers == 22
    assert memory.sequence_bytes(gemma, 8_192) == layer * (4 * 8_192 + 22 * (512 + 16))
    assert memory.sequence_bytes(gemma, 256) == layer * 26 * 256
    assert memory.sequence_bytes(gemma, 8_192, batch_tokens=2_048) == layer * (4 * 8_192 + 22 * (512 + 2_048 + 16))


@pytest.mark.parametrize(
    ("name", "window", "layers"),
    [
        ("mistral-7b-v0.1", 4_096, 32),
        ("gemma-2-9b", 4_096, 21),
        ("gpt-oss-20b", 128, 12),
        ("phi-3-mini-4k", 2_047, 32),
        ("qwen2.5-7b", None, 0),
        ("llama-3.1-8b", None, 0),
    ],
)
def test_which_layers_slide(name: str, window: int | None, layers: int) -> None:
    assert (_shape(name).window, _shape(name).window_layers) == (window, layers)


def test_listed_layer_types_win_over_the_usual_pattern() -> None:
    assert _shape("gpt-oss-20b", layer_types=["sliding_attention"] * 5 + ["full_attention"] * 19).window_layers == 5
    assert _shape("qwen2.5-7b", use_sliding_window=True, max_window_layers=20).window_layers == 8


def test_tensor_parts_share_the_cache_until_each_has_one_head() -> None:
    llama, qwen = _shape("llama-3.1-8b"), _shape("qwen2.5-0.5b")

    assert memory.layer_bytes(llama, Split(8)) * 8 == memory.layer_bytes(llama)
    assert memory.layer_bytes(qwen, Split(8)) * 2 == memory.layer_bytes(qwen)


def test_a_compressed_cache_is_whole_on_every_gpu_and_pipeline_stages_share_it() -> None:
    deepseek = _shape("deepseek-v3")

    assert memory.sequence_bytes(deepseek, 4_096, Split(8)) == memory.sequence_bytes(deepseek, 4_096)
    assert memory.sequence_bytes(deepseek, 4_096, Split(8, 2)) == pytest.approx(
        memory.sequence_bytes(deepseek, 4_096) / 2, rel=0.01
    )


@pytest.mark.parametrize(
    ("name", "form", "gib"),
    [
        ("llama-3.1-8b", formats.FP32, 29.9),
        ("llama-3.1-8b", formats.BF16, 14.96),
        ("llama-3.1-8b", formats.FP8, 8.46),
        ("llama-3.1-8b", formats.INT4, 5.33),
        ("gpt-oss-20b", formats.MXFP4, 12.8),  # GPT-OSS model card, table 1: checkpoint size 12.8 GiB
        ("gpt-oss-120b", formats.MXFP4, 60.8),  # the same table: 60.8 GiB
    ],
)
def test_weights_take_what_the_published_files_take(name: str, form: formats.Format, gib: float) -> None:
    assert formats.weight_bytes(parameters.count(_shape(name)), form) / GIB == pytest.approx(gib, rel=0.005)


@pytest.mark.parametrize(
    ("config", "stored"),
    [
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "int4 (AWQ, GPTQ)"),
        ({"quant_method": "gptq", "bits": 8, "group_size": 32}, "int8, groups of 32"),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, "int4"),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 128, "type": "int"}}},
            },
            "int4 (AWQ, GPTQ)",
        ),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8}}}}, "fp8"),
    ],
)
def test_a_quantized_checkpoint_is_planned_as_it_is_stored(planned: Planned, config: dict[str, Any], stored: str) -> None:
    found = planned("llama-3.1-8b", quantization_config=config)

    assert [each.format for each in found.options if each.own] == [stored]
    assert found.quantization == config["quant_method"]
    assert not found.warnings


def test_a_quantization_of_unknown_size_is_planned_with_too_much_and_says_so(planned: Planned) -> None:
    found = planned("llama-3.1-8b", quantization_config={"quant_method": "strange"})

    assert found.weights_from == "upper_bound"
    assert "'strange' is not known here" in found.warnings[0]
    assert [(each.format, each.weight_bytes) for each in found.options if each.own] == [("strange", 2 * 8_030_261_248)]


def test_an_8b_model_on_a_24_gb_gpu(planned: Planned) -> None:
    found = planned("llama-3.1-8b", Wish(gpu_gib=24, context=8_192, users=10))

    assert found.fit
    assert found.fit.gpus == 1
    assert found.fit.typical_sequences >= 10
    assert found.fit.weight_bytes + found.fit.reserve_bytes + found.fit.cache_bytes == found.fit.usable_bytes
    assert not found.warnings


def test_more_users_take_more_gpus(planned: Planned) -> None:
    fits = [planned("llama-3.1-8b", Wish(users=users)).fit for users in (10, 50, 200)]

    assert [fit and fit.gpus for fit in fits] == [1, 2, 8]


def test_the_split_divides_the_heads_and_goes_on_in_stages(planned: Planned) -> None:
    qwen = planned("qwen2.5-0.5b", Wish(gpu_gib=2, context=1_024, users=500)).fit
    xl = planned("gpt2-xl", Wish(gpu_gib=4, context=1_024, users=20)).fit

    assert qwen
    assert qwen.tensor_parallel == 2
    assert xl
    assert (xl.tensor_parallel, xl.pipeline_parallel > 1) == (1, True)


def test_a_model_of_several_machines_is_joined_with_ray(planned: Planned) -> None:
    found = planned("deepseek-v3", Wish(gpu_gib=80, users=20))

    assert found.fit
    assert (found.fit.tensor_parallel, found.fit.pipeline_parallel) == (8, 2)
    assert found.command
    assert "--pipeline-parallel-size 2 --distributed-executor-backend ray" in found.command
    assert any("2 machines" in note for note in found.notes)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_command_has_only_flags_that_vllm_has(planned: Planned, name: str) -> None:
    command = planned(name, Wish(gpu_gib=141, users=5)).command

    assert command
    assert command.startswith("vllm serve ")
    assert set(re.findall(r"--[a-z-]+", command)) <= VLLM_FLAGS


def test_the_command_quotes_a_folder_with_blanks(tmp_path: Path) -> None:
    folder = tmp_path / "my models; rm"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIGS["gpt2"]))

    command = plan(str(folder), Wish(context=1024)).command

    assert command
    assert shlex.split(command)[2] == str(folder)


@pytest.mark.parametrize(("name", "warned"), [("qwen2.5-0.5b", True), ("gemma-3-1b", True), ("llama-3.2-1b", False)])
def test_a_model_below_a_billion_parameters_is_warned_of(planned: Planned, name: str, warned: bool) -> None:
    said = any("models under 1 billion follow instructions poorly" in warning for warning in planned(name).warnings)

    assert said is warned


def test_a_context_beyond_the_model_is_cut_and_warned_of(planned: Planned) -> None:
    found = planned("phi-2", Wish(context=8_192, users=1))

    assert found.context == 2_048
    assert "--context 8192 is more than the 2,048 tokens" in found.warnings[0]
    assert found.command
    assert "--max-model-len 2048" in found.command


def test_a_model_that_does_not_start_says_what_would_serve(planned: Planned) -> None:
    found = planned("llama-3.1-70b", Wish(gpus=1))

    assert (found.fit, found.command) == (None, None)
    assert "It does not start on 1 GPU of 24 GB" in found.warnings[0]
    assert "these bf16 weights on 16, fp8 weights (--quantization fp8) on 8" in found.warnings[0]


def test_too_few_gpus_serve_some_of_the_users(planned: Planned) -> None:
    found = planned("llama-3.1-8b", Wish(gpus=1))

    assert found.fit
    assert f"room for {found.fit.typical_sequences} of 50 users" in found.warnings[0]
    assert found.command
    assert f"--max-num-seqs {found.fit.typical_sequences} " in found.command


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(users=-3), "--users is -3"),
        (Wish(users=0), "--users is 0"),
        (Wish(context=0), "--context is 0"),
        (Wish(gpus=0), "--gpus is 0"),
        (Wish(gpu_gib=0), "--gpu-memory is 0"),
        (Wish(gpu_gib=float("nan")), "--gpu-memory is nan"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(planned: Planned, wish: Wish, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        planned("gpt2", wish)


TINY = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4,
    "intermediate_size": 8,
    "max_position_embeddings": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "vocab_size": 10,
    "tie_word_embeddings": True,
}
TINY_COUNT = 40 + (4 * 16 + 3 * 32 + 2 * 4) + 4
TINY_TENSORS = {
    "model.embed_tokens.weight": ("BF16", [10, 4]),
    "lm_head.weight": ("BF16", [10, 4]),
    "model.layers.0.self_attn.rotary_emb.inv_freq": ("F32", [1]),
    "rest": ("BF16", [TINY_COUNT - 40]),
}


def test_files_are_counted_without_tied_heads_and_constants(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    _safetensors(tmp_path / "model.safetensors", TINY_TENSORS)

    found = plan(str(tmp_path), Wish())

    assert found.parameters == found.file_parameters == TINY_COUNT
    assert found.file_bytes == 2 * TINY_COUNT
    assert not any("The files hold" in note for note in found.notes)


def test_files_are_read_as_their_own_library_writes_them(tmp_path: Path) -> None:
    numpy, library = pytest.importorskip("numpy"), pytest.importorskip("safetensors.numpy")
    tensors = {"a": numpy.zeros((3, 5), numpy.float32), "b": numpy.zeros(7, numpy.float16)}
    library.save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})

    assert files.stored(tmp_path, tied=False) == files.Stored(parameters=22, bytes=74)


def test_files_in_parts_that_hold_something_else_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    _safetensors(tmp_path / "a.safetensors", {"a": ("BF16", [100])})
    _safetensors(tmp_path / "b.safetensors", {"b": ("BF16", [200])})
    index = {"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    found = plan(str(tmp_path), Wish())

    assert found.file_parameters == 300
    assert f"The files hold {300 - TINY_COUNT} numbers more" in found.notes[-1]


def test_the_files_of_a_quantized_checkpoint_give_its_size(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(TINY | {"quantization_config": {"quant_method": "strange"}}))
    _safetensors(tmp_path / "model.safetensors", {"packed": ("U8", [77])})

    found = plan(str(tmp_path), Wish())

    assert (found.weights_from, found.file_parameters, found.file_bytes) == ("files", None, 77)
    assert [each.weight_bytes for each in found.options if each.own] == [77]


def test_a_checkpoint_with_a_part_missing_is_not_counted(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "a.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    assert files.stored(tmp_path, tied=False) is None
    assert files.stored(tmp_path / "elsewhere", tied=False) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", (10).to_bytes(8, "little") + b'{"a": {}} ' * 2, b"[1]"],
)
def test_a_file_that_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)

    with pytest.raises(PlanError, match="is no safetensors file"):
        files.stored(tmp_path, tied=False)

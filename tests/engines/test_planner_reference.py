"""The planner's counts against transformers' own models, built without memory on torch's meta device: tensor for tensor."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from chatbot.engines.planner.config import Fields
from chatbot.engines.planner.families import ARCHITECTURES, shape
from chatbot.engines.planner.parameters import count

SIZES = {
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 7,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "vocab_size": 200,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 24, "decoder_sparse_step": 2}
LATENT = {
    "num_key_value_heads": 6,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 12,
    "qk_rope_head_dim": 4,
    "v_head_dim": 10,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 20,
    "first_k_dense_replace": 2,
    "n_group": 2,
    "topk_group": 1,
}
GPT2 = {"n_embd": 48, "n_layer": 3, "n_head": 6, "n_positions": 64, "vocab_size": 200, "bos_token_id": 1, "eos_token_id": 2}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaForCausalLM", SIZES),
    "llama, tied, with biases": (
        "LlamaForCausalLM",
        SIZES | {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True},
    ),
    "llama, wide heads": ("LlamaForCausalLM", SIZES | {"head_dim": 20}),
    "mistral": ("MistralForCausalLM", SIZES | {"sliding_window": 16, "head_dim": 8}),
    "mixtral": ("MixtralForCausalLM", SIZES | {"num_local_experts": 8, "num_experts_per_tok": 2}),
    "qwen2": ("Qwen2ForCausalLM", SIZES),
    "qwen2 moe": ("Qwen2MoeForCausalLM", SIZES | EXPERTS | {"shared_expert_intermediate_size": 56, "mlp_only_layers": [0, 3]}),
    "qwen3": ("Qwen3ForCausalLM", SIZES | {"head_dim": 20, "tie_word_embeddings": True}),
    "qwen3 with biases": ("Qwen3ForCausalLM", SIZES | {"head_dim": 20, "attention_bias": True}),
    "qwen3 moe": ("Qwen3MoeForCausalLM", SIZES | EXPERTS | {"head_dim": 20, "mlp_only_layers": [1]}),
    "gemma": ("GemmaForCausalLM", SIZES | {"head_dim": 20}),
    "gemma 2": ("Gemma2ForCausalLM", SIZES | {"head_dim": 20}),
    "gemma 3": ("Gemma3ForCausalLM", SIZES | {"head_dim": 20}),
    "phi": ("PhiForCausalLM", SIZES | {"num_key_value_heads": 6}),
    "phi with norms": ("PhiForCausalLM", SIZES | {"qk_layernorm": True}),
    "phi 3": ("Phi3ForCausalLM", SIZES),
    "gpt-2": ("GPT2LMHeadModel", GPT2),
    "gpt-2, untied, narrow": ("GPT2LMHeadModel", GPT2 | {"n_inner": 60, "tie_word_embeddings": False}),
    "gpt-oss": ("GptOssForCausalLM", SIZES | {"head_dim": 8, "num_local_experts": 8, "num_experts_per_tok": 4}),
    "deepseek v2": ("DeepseekV2ForCausalLM", SIZES | LATENT | {"q_lora_rank": 18}),
    "deepseek v2 lite": ("DeepseekV2ForCausalLM", SIZES | LATENT | {"q_lora_rank": None}),
    "deepseek v3": ("DeepseekV3ForCausalLM", SIZES | LATENT | {"q_lora_rank": 18, "attention_bias": True}),
}
NOT_BUILT = {"Gemma3ForConditionalGeneration"}
"""Its text part is Gemma 3's; the vision part is not counted."""


def _reference(architecture: str, values: dict[str, Any]) -> int:
    """Parameters of transformers' model, and the buffer in which DeepSeek-V3 keeps its router's bias."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model_class = getattr(transformers, architecture, None)
    if model_class is None:
        pytest.skip(f"transformers {transformers.__version__} has no {architecture}")
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        model = model_class(model_class.config_class(**values))
    model.tie_weights()
    stored = {id(each): each.numel() for each in model.parameters()}
    stored |= {id(each): each.numel() for name, each in model.named_buffers() if name.endswith("e_score_correction_bias")}
    return sum(stored.values())


@pytest.mark.parametrize("case", CASES)
def test_the_count_is_that_of_the_model_itself(case: str) -> None:
    architecture, values = CASES[case]
    fields = Fields("config.json", {**values, "architectures": [architecture]})

    assert count(shape(fields)).total == _reference(architecture, values)


def test_every_architecture_is_compared() -> None:
    assert {architecture for architecture, _ in CASES.values()} == set(ARCHITECTURES) - NOT_BUILT

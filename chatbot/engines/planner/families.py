"""What the fields of each architecture's config.json mean. Knows nothing of counting.

Source: the configuration and modeling files of transformers, https://github.com/huggingface/transformers/tree/main/src/
transformers/models; tests/engines/test_planner_reference.py compares each family with those models, tensor for tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chatbot.engines.planner.config import Fields
from chatbot.engines.planner.shape import Experts, FeedForward, GroupedAttention, LatentAttention, Shape
from chatbot.errors import PlanError


def shape(fields: Fields) -> Shape:
    """The size-deciding numbers of a model.

    Raises:
        PlanError: an architecture that is not counted, a missing field, or sizes that do not fit each other.
    """
    named = [each for each in fields.items("architectures") if isinstance(each, str)]
    known = next((each for each in named if each in _FAMILIES), None)
    if known is None:
        raise PlanError(
            f"{fields.place} is of architecture {', '.join(named) or 'unknown (no field architectures)'}, which is not counted; "
            f"these are: {', '.join(ARCHITECTURES)}"
        )
    found = _FAMILIES[known](fields)
    _check(found, fields)
    return found


def _check(found: Shape, fields: Fields) -> None:
    attention, experts = found.attention, found.experts
    wrong = ""
    if isinstance(attention, GroupedAttention) and attention.head_dim < 1:
        wrong = f"hidden size {found.hidden} is less than one number for each of {attention.heads} attention heads"
    elif isinstance(attention, GroupedAttention) and attention.heads % attention.kv_heads:
        wrong = f"{attention.heads} attention heads cannot share {attention.kv_heads} key-value heads evenly"
    elif experts and experts.active > experts.count:
        wrong = f"{experts.active} experts a token of only {experts.count}"
    elif not max(found.window_layers, found.expert_layers) <= found.layers:
        wrong = f"it lists more layers than its {found.layers}"
    if wrong:
        raise PlanError(f"{fields.place}: {wrong}; the file is damaged, download it again")


def _grouped(fields: Fields, qkv_bias: bool = False, output_bias: bool = False) -> GroupedAttention:
    heads = fields.integer("num_attention_heads")
    head_dim = fields.optional("head_dim") or fields.integer("hidden_size") // heads
    return GroupedAttention(heads, fields.optional("num_key_value_heads") or heads, head_dim, qkv_bias, output_bias)


def _plain(fields: Fields, attention: GroupedAttention | LatentAttention, tied: bool = False) -> Shape:
    """RMS norms, a gated feed-forward network, rotary positions: what Llama made common."""
    return Shape(
        architecture=str(fields.items("architectures")[0]),
        layers=fields.integer("num_hidden_layers"),
        hidden=fields.integer("hidden_size"),
        vocabulary=fields.integer("vocab_size"),
        context=fields.integer("max_position_embeddings"),
        attention=attention,
        feed_forward=FeedForward(fields.integer("intermediate_size")),
        tied=fields.flag("tie_word_embeddings", tied),
    )


def _llama(fields: Fields) -> Shape:
    bias = fields.flag("attention_bias", False)
    plain = _plain(fields, _grouped(fields, bias, bias))
    return replace(plain, feed_forward=replace(plain.feed_forward, bias=fields.flag("mlp_bias", False)))


def _mistral(fields: Fields) -> Shape:
    plain = _plain(fields, _grouped(fields))
    return replace(plain, window=fields.optional("sliding_window"), window_layers=plain.layers)


def _mixtral(fields: Fields) -> Shape:
    plain = _mistral(fields)
    experts = Experts(fields.integer("num_local_experts"), fields.integer("num_experts_per_tok"), plain.feed_forward)
    return replace(plain, experts=experts, expert_layers=plain.layers)


def _qwen2(fields: Fields) -> Shape:
    return _qwen_window(fields, _plain(fields, _grouped(fields, qkv_bias=True)))


def _qwen3(fields: Fields) -> Shape:
    bias = fields.flag("attention_bias", False)
    return _qwen_window(fields, _plain(fields, replace(_grouped(fields, bias, bias), head_norm=True)))


def _qwen_window(fields: Fields, plain: Shape) -> Shape:
    """Qwen's window is used only on demand, and not in the first `max_window_layers`."""
    if not fields.flag("use_sliding_window", False):
        return plain
    full = fields.integer("max_window_layers", plain.layers, least=0)
    return replace(plain, window=fields.optional("sliding_window"), window_layers=max(0, plain.layers - full))


def _qwen2_moe(fields: Fields) -> Shape:
    shared = FeedForward(fields.integer("shared_expert_intermediate_size"))
    return _qwen_experts(fields, _qwen2(fields), shared)


def _qwen3_moe(fields: Fields) -> Shape:
    return _qwen_experts(fields, _qwen3(fields), None)


def _qwen_experts(fields: Fields, plain: Shape, shared: FeedForward | None) -> Shape:
    step = fields.integer("decoder_sparse_step", 1)
    listed = (each for each in fields.items("mlp_only_layers") if isinstance(each, int) and 0 <= each < plain.layers)
    dense = {each for each in listed if (each + 1) % step == 0}
    experts = Experts(
        fields.integer("num_experts"),
        fields.integer("num_experts_per_tok"),
        FeedForward(fields.integer("moe_intermediate_size")),
        shared,
        shared_gate=shared is not None,
    )
    return replace(plain, experts=experts, expert_layers=plain.layers // step - len(dense))


def _gemma(fields: Fields) -> Shape:
    bias = fields.flag("attention_bias", False)
    return _plain(fields, _grouped(fields, bias, bias), tied=True)


def _gemma2(fields: Fields) -> Shape:
    plain = _gemma(fields)
    local = _window_layers(fields, (plain.layers + 1) // 2)
    return replace(plain, norms=4, window=fields.integer("sliding_window", 4096), window_layers=local)


def _gemma3(fields: Fields) -> Shape:
    plain = _gemma(fields)
    every = fields.integer("sliding_window_pattern", 6)
    local = _window_layers(fields, plain.layers - plain.layers // every)
    assert isinstance(plain.attention, GroupedAttention)
    attention = replace(plain.attention, head_norm=True)
    return replace(plain, attention=attention, norms=4, window=fields.integer("sliding_window", 4096), window_layers=local)


_GEMMA3_TEXT = {
    "vocab_size": 262_208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131_072,
}
"""Fields that the published Gemma 3 checkpoints with vision leave to the defaults of transformers' Gemma3TextConfig."""


def _gemma3_vision(fields: Fields) -> Shape:
    text = fields.inside("text_config")
    if text is None:
        raise PlanError(f"{fields.place} has no field 'text_config'; is it the config.json of the model itself, complete?")
    values = {**_GEMMA3_TEXT, **text.values, "architectures": fields.items("architectures")}
    return replace(_gemma3(Fields(text.place, values)), partial="the vision part of the model")


def _phi(fields: Fields) -> Shape:
    attention = replace(_grouped(fields, True, True), head_norm=fields.flag("qk_layernorm", False))
    plain = _plain(fields, attention)
    feed_forward = FeedForward(plain.feed_forward.width, gated=False, bias=True)
    return replace(plain, feed_forward=feed_forward, head_bias=True, norms=1, norm_bias=True)


def _gpt2(fields: Fields) -> Shape:
    hidden, heads = fields.integer("n_embd"), fields.integer("n_head")
    positions = fields.integer("n_positions")
    return Shape(
        architecture="GPT2LMHeadModel",
        layers=fields.integer("n_layer"),
        hidden=hidden,
        vocabulary=fields.integer("vocab_size"),
        context=positions,
        attention=GroupedAttention(heads, heads, hidden // heads, qkv_bias=True, output_bias=True),
        feed_forward=FeedForward(fields.optional("n_inner") or 4 * hidden, gated=False, bias=True),
        tied=fields.flag("tie_word_embeddings", True),
        norm_bias=True,
        learned_positions=positions,
    )


def _gpt_oss(fields: Fields) -> Shape:
    bias = fields.flag("attention_bias", True)
    plain = _plain(fields, replace(_grouped(fields, bias, bias), sinks=True))
    expert = replace(plain.feed_forward, bias=True)
    experts = Experts(fields.integer("num_local_experts"), fields.integer("num_experts_per_tok"), expert, router_bias=True)
    local = _window_layers(fields, (plain.layers + 1) // 2)
    return replace(
        plain,
        experts=experts,
        expert_layers=plain.layers,
        window=fields.integer("sliding_window", 128),
        window_layers=local,
    )


def _deepseek(fields: Fields) -> Shape:
    attention = LatentAttention(
        heads=fields.integer("num_attention_heads"),
        query_rank=fields.optional("q_lora_rank"),
        kv_rank=fields.integer("kv_lora_rank"),
        nope_dim=fields.integer("qk_nope_head_dim"),
        rope_dim=fields.integer("qk_rope_head_dim"),
        value_dim=fields.integer("v_head_dim"),
        bias=fields.flag("attention_bias", False),
    )
    plain = _plain(fields, attention)
    width = fields.integer("moe_intermediate_size")
    shared = fields.integer("n_shared_experts", 0, least=0)
    experts = Experts(
        fields.integer("n_routed_experts"),
        fields.integer("num_experts_per_tok"),
        FeedForward(width),
        FeedForward(shared * width) if shared else None,
        router_bias=fields.text("topk_method") == "noaux_tc" or plain.architecture == "DeepseekV3ForCausalLM",
    )
    first, step = fields.integer("first_k_dense_replace", 0, least=0), fields.integer("moe_layer_freq", 1)
    expert_layers = len(range(-(-first // step) * step, plain.layers, step))
    extra = fields.integer("num_nextn_predict_layers", 0, least=0)
    partial = "the layers that predict further tokens, which vLLM loads for speculative decoding only" if extra else ""
    return replace(plain, experts=experts, expert_layers=expert_layers, partial=partial)


def _window_layers(fields: Fields, usual: int) -> int:
    """Layers with a sliding window: as `layer_types` lists them, else as the architecture's pattern has it."""
    kinds = fields.items("layer_types")
    return kinds.count("sliding_attention") if kinds else usual


_FAMILIES: dict[str, Callable[[Fields], Shape]] = {
    "LlamaForCausalLM": _llama,
    "MistralForCausalLM": _mistral,
    "MixtralForCausalLM": _mixtral,
    "Qwen2ForCausalLM": _qwen2,
    "Qwen2MoeForCausalLM": _qwen2_moe,
    "Qwen3ForCausalLM": _qwen3,
    "Qwen3MoeForCausalLM": _qwen3_moe,
    "GemmaForCausalLM": _gemma,
    "Gemma2ForCausalLM": _gemma2,
    "Gemma3ForCausalLM": _gemma3,
    "Gemma3ForConditionalGeneration": _gemma3_vision,
    "PhiForCausalLM": _phi,
    "Phi3ForCausalLM": _mistral,  # the same fields; its matrices are joined, which counts alike
    "GPT2LMHeadModel": _gpt2,
    "GptOssForCausalLM": _gpt_oss,
    "DeepseekV2ForCausalLM": _deepseek,
    "DeepseekV3ForCausalLM": _deepseek,
}

ARCHITECTURES = tuple(_FAMILIES)
"""The architectures that are counted, as config.json names them."""

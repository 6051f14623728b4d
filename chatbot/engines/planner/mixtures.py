"""What the fields of mixtures of experts mean, a function for each family. Knows nothing of counting."""

from __future__ import annotations

from dataclasses import replace

from chatbot.engines.planner.config import Fields
from chatbot.engines.planner.dense import grouped, mistral, plain, qwen2, qwen3, window_layers
from chatbot.engines.planner.shape import Experts, FeedForward, LatentAttention, Shape


def mixtral(fields: Fields) -> Shape:
    made = mistral(fields)
    experts = Experts(fields.integer("num_local_experts"), fields.integer("num_experts_per_tok"), made.feed_forward)
    return replace(made, experts=experts, expert_layers=made.layers)


def qwen2_moe(fields: Fields) -> Shape:
    shared = FeedForward(fields.integer("shared_expert_intermediate_size"))
    return _qwen_experts(fields, qwen2(fields), shared)


def qwen3_moe(fields: Fields) -> Shape:
    return _qwen_experts(fields, qwen3(fields), None)


def _qwen_experts(fields: Fields, made: Shape, shared: FeedForward | None) -> Shape:
    step = fields.integer("decoder_sparse_step", 1)
    listed = (each for each in fields.items("mlp_only_layers") if isinstance(each, int) and 0 <= each < made.layers)
    dense = {each for each in listed if (each + 1) % step == 0}
    experts = Experts(
        fields.integer("num_experts"),
        fields.integer("num_experts_per_tok"),
        FeedForward(fields.integer("moe_intermediate_size")),
        shared,
        shared_gate=shared is not None,
    )
    return replace(made, experts=experts, expert_layers=made.layers // step - len(dense))


def gpt_oss(fields: Fields) -> Shape:
    bias = fields.flag("attention_bias", True)
    made = plain(fields, replace(grouped(fields, bias, bias), sinks=True))
    expert = replace(made.feed_forward, bias=True)
    experts = Experts(fields.integer("num_local_experts"), fields.integer("num_experts_per_tok"), expert, router_bias=True)
    local = window_layers(fields, (made.layers + 1) // 2)
    return replace(
        made,
        experts=experts,
        expert_layers=made.layers,
        window=fields.integer("sliding_window", 128),
        window_layers=local,
    )


def deepseek(fields: Fields) -> Shape:
    attention = LatentAttention(
        heads=fields.integer("num_attention_heads"),
        query_rank=fields.optional("q_lora_rank"),
        kv_rank=fields.integer("kv_lora_rank"),
        nope_dim=fields.integer("qk_nope_head_dim"),
        rope_dim=fields.integer("qk_rope_head_dim"),
        value_dim=fields.integer("v_head_dim"),
        bias=fields.flag("attention_bias", False),
    )
    made = plain(fields, attention)
    width = fields.integer("moe_intermediate_size")
    shared = fields.integer("n_shared_experts", 0, least=0)
    experts = Experts(
        fields.integer("n_routed_experts"),
        fields.integer("num_experts_per_tok"),
        FeedForward(width),
        FeedForward(shared * width) if shared else None,
        router_bias=fields.text("topk_method") == "noaux_tc" or made.architecture == "DeepseekV3ForCausalLM",
    )
    first, step = fields.integer("first_k_dense_replace", 0, least=0), fields.integer("moe_layer_freq", 1)
    expert_layers = len(range(-(-first // step) * step, made.layers, step))
    extra = fields.integer("num_nextn_predict_layers", 0, least=0)
    partial = "the layers that predict further tokens, which vLLM loads for speculative decoding only" if extra else ""
    return replace(made, experts=experts, expert_layers=expert_layers, partial=partial)

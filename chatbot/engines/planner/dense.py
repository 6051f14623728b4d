"""What the fields of models without experts mean, a function for each family. Knows nothing of counting."""

from __future__ import annotations

from dataclasses import replace

from chatbot.engines.planner.config import Fields
from chatbot.engines.planner.shape import FeedForward, GroupedAttention, LatentAttention, Shape
from chatbot.errors import PlanError


def grouped(fields: Fields, qkv_bias: bool = False, output_bias: bool = False) -> GroupedAttention:
    heads = fields.integer("num_attention_heads")
    head_dim = fields.optional("head_dim") or fields.integer("hidden_size") // heads
    return GroupedAttention(heads, fields.optional("num_key_value_heads") or heads, head_dim, qkv_bias, output_bias)


def plain(fields: Fields, attention: GroupedAttention | LatentAttention, tied: bool = False) -> Shape:
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


def llama(fields: Fields) -> Shape:
    bias = fields.flag("attention_bias", False)
    made = plain(fields, grouped(fields, bias, bias))
    return replace(made, feed_forward=replace(made.feed_forward, bias=fields.flag("mlp_bias", False)))


def mistral(fields: Fields) -> Shape:
    made = plain(fields, grouped(fields))
    return replace(made, window=fields.optional("sliding_window"), window_layers=made.layers)


def qwen2(fields: Fields) -> Shape:
    return _qwen_window(fields, plain(fields, grouped(fields, qkv_bias=True)))


def qwen3(fields: Fields) -> Shape:
    bias = fields.flag("attention_bias", False)
    return _qwen_window(fields, plain(fields, replace(grouped(fields, bias, bias), head_norm=True)))


def _qwen_window(fields: Fields, made: Shape) -> Shape:
    """Qwen's window is used only on demand, and not in the first `max_window_layers`."""
    if not fields.flag("use_sliding_window", False):
        return made
    full = fields.integer("max_window_layers", made.layers, least=0)
    return replace(made, window=fields.optional("sliding_window"), window_layers=max(0, made.layers - full))


def gemma(fields: Fields) -> Shape:
    bias = fields.flag("attention_bias", False)
    return plain(fields, grouped(fields, bias, bias), tied=True)


def gemma2(fields: Fields) -> Shape:
    made = gemma(fields)
    local = window_layers(fields, (made.layers + 1) // 2)
    return replace(made, norms=4, window=fields.integer("sliding_window", 4096), window_layers=local)


def gemma3(fields: Fields) -> Shape:
    made = gemma(fields)
    every = fields.integer("sliding_window_pattern", 6)
    local = window_layers(fields, made.layers - made.layers // every)
    assert isinstance(made.attention, GroupedAttention)
    attention = replace(made.attention, head_norm=True)
    return replace(made, attention=attention, norms=4, window=fields.integer("sliding_window", 4096), window_layers=local)


_GEMMA3_TEXT = {
    "vocab_size": 262_208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131_072,
}
"""Fields that the published Gemma 3 checkpoints with vision leave to the defaults of transformers' Gemma3TextConfig."""


def gemma3_vision(fields: Fields) -> Shape:
    text = fields.inside("text_config")
    if text is None:
        raise PlanError(f"{fields.place} has no field 'text_config'; is it the config.json of the model itself, complete?")
    values = {**_GEMMA3_TEXT, **text.values, "architectures": fields.items("architectures")}
    return replace(gemma3(Fields(text.place, values)), partial="the vision part of the model")


def phi(fields: Fields) -> Shape:
    attention = replace(grouped(fields, True, True), head_norm=fields.flag("qk_layernorm", False))
    made = plain(fields, attention)
    feed_forward = FeedForward(made.feed_forward.width, gated=False, bias=True)
    return replace(made, feed_forward=feed_forward, head_bias=True, norms=1, norm_bias=True)


def gpt2(fields: Fields) -> Shape:
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


def window_layers(fields: Fields, usual: int) -> int:
    """Layers with a sliding window: as `layer_types` lists them, else as the architecture's pattern has it."""
    kinds = fields.items("layer_types")
    return kinds.count("sliding_attention") if kinds else usual

"""Which architecture is which family: config.json to a Shape. Knows nothing of counting.

Source: the configuration and modeling files of transformers, https://github.com/huggingface/transformers/tree/main/src/
transformers/models; tests/engines/test_planner_reference.py compares each family with those models, tensor for tensor.
"""

from __future__ import annotations

from collections.abc import Callable

from chatbot.engines.planner import dense, mixtures
from chatbot.engines.planner.config import Fields
from chatbot.engines.planner.shape import GroupedAttention, Shape
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
    found = _FAMILIES[known](Fields(fields.place, fields.values | {"architectures": [known]}))
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


_FAMILIES: dict[str, Callable[[Fields], Shape]] = {
    "LlamaForCausalLM": dense.llama,
    "MistralForCausalLM": dense.mistral,
    "MixtralForCausalLM": mixtures.mixtral,
    "Qwen2ForCausalLM": dense.qwen2,
    "Qwen2MoeForCausalLM": mixtures.qwen2_moe,
    "Qwen3ForCausalLM": dense.qwen3,
    "Qwen3MoeForCausalLM": mixtures.qwen3_moe,
    "GemmaForCausalLM": dense.gemma,
    "Gemma2ForCausalLM": dense.gemma2,
    "Gemma3ForCausalLM": dense.gemma3,
    "Gemma3ForConditionalGeneration": dense.gemma3_vision,
    "PhiForCausalLM": dense.phi,
    "Phi3ForCausalLM": dense.mistral,  # the same fields; its matrices are joined, which counts alike
    "GPT2LMHeadModel": dense.gpt2,
    "GptOssForCausalLM": mixtures.gpt_oss,
    "DeepseekV2ForCausalLM": mixtures.deepseek,
    "DeepseekV3ForCausalLM": mixtures.deepseek,
}

ARCHITECTURES = tuple(_FAMILIES)
"""The architectures that are counted, as config.json names them."""

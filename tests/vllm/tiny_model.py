"""Makes a chat model of random weights and a LoRA adapter for it, small enough to make and load at once.

    ENVIRONMENT/bin/python tests/vllm/tiny_model.py MODEL_FOLDER ADAPTER_FOLDER

Its text is noise; what the server does with it (templates, tokens, limits, errors) is what it would do with a real one. Run by
the vLLM environment's Python, and knows nothing about the tests or the application.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, set_seed

SEED = 20
CONTEXT_TOKENS = 8192
VOCABULARY = 8192
HIDDEN, LAYERS, HEADS = 128, 2, 4
"""The CPU build has no attention for heads narrower than 32."""
RANK = 8
ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj")

PAD, TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CALL, END_OF_CALL = "<tool_call>", "</tool_call>"

PAGES = Path(__file__).parents[2] / "knowledge" / "llm-primer"
"""Merges are learned from these, so that an English text has about as many tokens as with a real model; any other text falls
back to bytes, and every string survives the round trip."""

# ChatML as Qwen writes it, with the function calls of the Hermes format, and documents after the system message.
TEMPLATE = """\
{%- macro turn(role, text) -%}<|im_start|>{{ role }}
{{ text }}<|im_end|>
{% endmacro -%}
{%- if messages[0].role == "system" %}{{ turn("system", messages[0].content) }}{% set messages = messages[1:] %}{% endif -%}
{%- if documents %}<|im_start|>system
Documents:
{% for document in documents %}[{{ loop.index }}] {{ document.title }}: {{ document.text }}
{% endfor %}<|im_end|>
{% endif -%}
{%- if tools %}<|im_start|>system
Functions:
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}Call one with <tool_call>{"name": "...", "arguments": {}}</tool_call><|im_end|>
{% endif -%}
{%- for message in messages %}
  {%- if message.role == "tool" %}{{ turn("user", "<tool_response>" ~ message.content ~ "</tool_response>") }}
  {%- else %}
    {%- set said = namespace(text=message.content or "") %}
    {%- for call in message.tool_calls or [] %}
      {%- set said.text = said.text ~ "<tool_call>" ~ (call.function | tojson) ~ "</tool_call>" %}
    {%- endfor %}{{ turn(message.role, said.text) }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif -%}
"""


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, TURN, END_OF_TURN],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md"))), trainer)
    # not special: the parser of function calls looks for them in the text, from which special tokens are dropped
    tokenizer.add_tokens([AddedToken(CALL, special=False), AddedToken(END_OF_CALL, special=False)])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END_OF_TURN, pad_token=PAD, model_max_length=CONTEXT_TOKENS
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def make_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    end, pad = tokenizer.convert_tokens_to_ids([END_OF_TURN, PAD])
    config = Qwen2Config(
        vocab_size=len(tokenizer),  # no id without a text
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=False,
        initializer_range=0.3,  # with the usual 0.02 every token is about as likely, and a greedy answer repeats one for ever
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    model = Qwen2ForCausalLM(config).to(torch.bfloat16).eval()
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=pad)
    return model


def make_adapter(model: Qwen2ForCausalLM, folder: Path) -> None:
    """A LoRA adapter in PEFT's file format. Both halves are random, so that it changes what the model says."""
    weights: dict[str, torch.Tensor] = {}
    for name, module in model.named_modules():
        if name.endswith(ADAPTED):
            outputs, inputs = module.weight.shape
            weights[f"base_model.model.{name}.lora_A.weight"] = torch.randn(RANK, inputs).to(torch.bfloat16)
            weights[f"base_model.model.{name}.lora_B.weight"] = torch.randn(outputs, RANK).to(torch.bfloat16)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": RANK,
        "lora_alpha": RANK,
        "target_modules": ADAPTED,
        "bias": "none",
    }
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2))


def main(model_folder: Path, adapter_folder: Path) -> None:
    set_seed(SEED)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    tokenizer.save_pretrained(model_folder)
    model.save_pretrained(model_folder)
    make_adapter(model, adapter_folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

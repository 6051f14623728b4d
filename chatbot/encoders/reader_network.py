"""The cross-encoder's network in torch: a BERT that reads question and passage together, and three heads on it.

Only training and the compile step import it; a warm start runs the compiled graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import BertModel

SEPARATOR_ID = 102
"""[SEP] in BERT's vocabulary: after the question, and at the end."""

HEADER = 2
"""Columns of the output before those of the tokens: relevance and answerability."""

_NEVER = -1e4
"""The logit of a token that is not the passage's; within the range of every float type."""


class Read(NamedTuple):
    """Logits for n pairs, each padded to a length."""

    relevance: Tensor
    """n. Comparable between the passages of one question only."""
    answerable: Tensor
    """n. Does the passage hold the answer?"""
    evidence: Tensor
    """n × length; those of other tokens than the passage's are -1e4."""
    starts: Tensor
    """n × length: where the answer starts, and in the first column that there is none. Used in training only."""
    ends: Tensor
    """n × length, likewise where it ends."""


class ReaderNetwork(nn.Module):
    """One pass over "[CLS] question [SEP] passage [SEP]"."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.bert = bert
        width = bert.config.hidden_size
        self.pair_head = nn.Linear(2 * width, 2)
        self.token_head = nn.Linear(width, 3)
        self.span_weight = nn.Parameter(torch.tensor(0.2))
        """How much the best span's lead over no span counts for answerability."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """All that is needed of a pair in one row: relevance, answerability, then the evidence logit of each token."""
        read = self.read(input_ids, attention_mask)
        return torch.cat([read.relevance[:, None], read.answerable[:, None], read.evidence], dim=1)

    def read(self, input_ids: Tensor, attention_mask: Tensor) -> Read:
        is_separator = (input_ids == SEPARATOR_ID).long()
        segments = ((is_separator.cumsum(1) - is_separator) > 0).long()
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=segments).last_hidden_state
        outside = (segments * attention_mask * (1 - is_separator)) == 0
        hidden = hidden.float()
        tokens = self.token_head(hidden)
        none = tokens[:, 0]  # at [CLS]
        evidence, starts, ends = tokens.masked_fill(outside[:, :, None], _NEVER).unbind(-1)
        lead = starts.amax(1) + ends.amax(1) - none[:, 1] - none[:, 2]
        weights = attention_mask[:, :, None].float()
        mean = (hidden * weights).sum(1) / weights.sum(1)
        relevance, answerable = self.pair_head(torch.cat([hidden[:, 0], mean], dim=1)).unbind(-1)
        starts = torch.cat([none[:, 1:2], starts[:, 1:]], dim=1)
        ends = torch.cat([none[:, 2:3], ends[:, 1:]], dim=1)
        return Read(relevance, answerable + self.span_weight * lead, evidence, starts, ends)


def base(source: Path) -> ReaderNetwork:
    """The network on the weights of the bi-encoder in `source`, its heads untrained."""
    bert = BertModel.from_pretrained(str(source), add_pooling_layer=False, attn_implementation="eager", dtype=torch.float32)
    return ReaderNetwork(bert)


def adapted(source: Path, adapter: Path) -> ReaderNetwork:
    """The network of a trained adapter: `x.up @ x.down` is added to the weight `x`, what has other names takes its place."""
    network = base(source)
    state = network.state_dict()
    with safe_open(str(adapter), "pt") as file:
        for name in file.keys():  # noqa: SIM118  it is no dictionary
            if name.endswith(".up"):
                weight = name.removesuffix(".up")
                state[weight] += file.get_tensor(name).float() @ file.get_tensor(f"{weight}.down").float()
            elif not name.endswith(".down"):
                state[name] = file.get_tensor(name).float()
    network.load_state_dict(state)
    return network.eval()

"""What every engine may be built from: the argument of the callables registered in `chatbot.engines`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.prompts import Prompt


class EngineParts(NamedTuple):
    encoder: BiEncoder
    prompts: Mapping[str, Prompt]

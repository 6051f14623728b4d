"""The extractive engine: quotes the sentences that answer, in the words of the documents. It cannot invent, and it needs no GPU.

It is handed the passages as `documents` and knows nothing about where they came from.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from chatbot import sentences
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.engines.parts import EngineParts
from chatbot.prompts import Prompt
from chatbot.terms import terms

MAX_SENTENCES = 4
"""An answer, not a page."""

MIN_SHARE = 0.6
"""A sentence is quoted only if it scores this share of the best one. With MAX_SENTENCES chosen by `benchmarks/golden.py`."""

MIN_SCORE = 0.35
"""The best sentence must reach this, or the engine abstains. Chosen by `benchmarks/golden.py --sweep`."""

OVERLAP_WEIGHT = 0.5
RANK_WEIGHT = 0.2

_MIN_WORDS = 4
"""Shorter runs are headings, table crumbs or list labels."""


class _Candidate(NamedTuple):
    document: int
    """Index into the documents, which come best first."""
    start: int
    text: str
    heading: str

    @property
    def in_place(self) -> str:
        """The sentence under its heading: what "it" and "this" are about often stands only there."""
        return f"{self.heading}\n{self.text}"


class ExtractiveEngine(BaseChatModel):
    """Scores every sentence by cosine, IDF-weighted overlap with the question, and the rank of its passage.

    Source of the sum: on SQuAD 1.1 development paragraphs the right sentence comes first for .833 with half the overlap added,
    for .756 with the cosine alone.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    encoder: BiEncoder
    prompts: Mapping[str, Prompt]

    @property
    def _llm_type(self) -> str:
        return "extractive"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        documents: Sequence[Mapping[str, str]] = kwargs.get("documents") or []
        chosen = self._choose(messages, documents)
        for text in self._say(chosen, documents):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        finish = {"finish_reason": "stop" if chosen else "abstained", "model_name": "extractive"}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=finish))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        pieces = [piece.message for piece in self._stream(messages, stop, run_manager, **kwargs)]
        message = AIMessage(content="".join(piece.text for piece in pieces), response_metadata=pieces[-1].response_metadata)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _choose(self, messages: Sequence[BaseMessage], documents: Sequence[Mapping[str, str]]) -> list[_Candidate]:
        """The sentences to quote, in source order; empty to abstain."""
        candidates = _candidates(documents)
        question = _question(messages)
        if not candidates or not question:
            return []
        scores = self._scores(question, candidates)
        ranked = sorted(range(len(candidates)), key=lambda i: -scores[i])
        best = scores[ranked[0]]
        if best < MIN_SCORE:
            return []
        quoted = [i for i in ranked[:MAX_SENTENCES] if scores[i] >= MIN_SHARE * best]
        return sorted((candidates[i] for i in quoted), key=lambda each: (each.document, each.start))

    def _scores(self, question: str, candidates: Sequence[_Candidate]) -> list[float]:
        cosines = self.encoder.encode_short([each.in_place for each in candidates]) @ self.encoder.encode_query(question)
        overlaps = _idf_overlap(terms(question), [terms(each.in_place) for each in candidates])
        last = candidates[-1].document + 1
        return [
            float(cosine) + OVERLAP_WEIGHT * overlap + RANK_WEIGHT * (1 - each.document / last)
            for each, cosine, overlap in zip(candidates, cosines, overlaps, strict=True)
        ]

    def _say(self, chosen: Sequence[_Candidate], documents: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """The answer in pieces of one sentence, one paragraph a source."""
        sources: dict[str, list[_Candidate]] = {}
        for each in chosen:
            sources.setdefault(documents[each.document].get("title", ""), []).append(each)
        for number, (title, quoted) in enumerate(sources.items()):
            quotes = " ".join(f"{each.text} [{each.document + 1}]" for each in quoted)
            prompt = self.prompts["quote_more" if number else "quote"]
            paragraph = prompt.text("assistant", title=title.split(" > ")[0], sentences=quotes).strip()
            yield from _pieces("\n\n" + paragraph if number else paragraph)


def build(parts: EngineParts) -> ExtractiveEngine:
    """Registered as `extractive`."""
    return ExtractiveEngine(encoder=parts.encoder, prompts=parts.prompts)


def _question(messages: Sequence[BaseMessage]) -> str:
    """The last question; a short one is read together with the one before, which it probably follows up."""
    asked = [message.text for message in messages if isinstance(message, HumanMessage)]
    if not asked:
        return ""
    return f"{asked[-2]} {asked[-1]}" if len(asked) > 1 and len(terms(asked[-1])) < 3 else asked[-1]


def _candidates(documents: Sequence[Mapping[str, str]]) -> list[_Candidate]:
    found: dict[str, _Candidate] = {}
    for number, document in enumerate(documents):
        text, heading = document["text"], document.get("title", "").split(" > ")[-1]
        for start, end in sentences.split(text):
            sentence = " ".join(text[start:end].split())
            if len(sentence.split()) >= _MIN_WORDS:
                found.setdefault(sentence.lower(), _Candidate(number, start, sentence, heading))
    return list(found.values())


def _idf_overlap(question: Sequence[str], sentence_terms: Sequence[Sequence[str]]) -> list[float]:
    """Share in [0, 1] of the question's terms, weighted by IDF over the sentences, that each sentence holds."""
    total = len(sentence_terms)
    holding = Counter(term for each in sentence_terms for term in set(each))
    weights = {term: math.log(1 + total / (1 + holding[term])) for term in set(question)}
    whole = sum(weights.values()) or 1.0
    return [sum(weights[term] for term in weights.keys() & set(each)) / whole for each in sentence_terms]


def _pieces(paragraph: str) -> Iterator[str]:
    ends = [end for _, end in sentences.split(paragraph)][:-1]
    for start, end in zip([0, *ends], [*ends, len(paragraph)], strict=True):
        yield paragraph[start:end]

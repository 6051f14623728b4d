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

from chatbot import markers
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.encoders.cross_encoder import CrossEncoder, titled
from chatbot.engines.parts import Engine, EngineParts
from chatbot.language import definitions, prose, questions, sentences
from chatbot.language.follow_ups import in_context
from chatbot.language.terms import terms
from chatbot.prompts import Prompt

MAX_SENTENCES = 5
"""An answer, not a page: where a request does not say how many."""

SHARE_LOST = 0.1
"""For every sentence that may be quoted beyond the first, one may score this much less than the best, as a share of it: two of
which the second is nearly as good, or five of a paragraph. Chosen by `chatbot eval golden` for five, by `citations` for two."""

MIN_COSINE = 0.22
"""A sentence must be this close to the question, or the engine abstains: the flow only looked at whole passages, and for a
follow-up also at what was said before. Chosen on the golden questions."""

EVIDENCE_WEIGHT = 0.5
OVERLAP_WEIGHT = 0.3
RANK_WEIGHT = 0.2
DEFINITION_WEIGHT = 0.3
CARRY_WEIGHT = 0.5
"""Share of its predecessor's lead that a sentence takes over. All of these were chosen on the golden questions, flat there."""


class Sentence(NamedTuple):
    """A sentence of a document that may be quoted."""

    document: int
    """Index into the documents, which come best first."""
    start: int
    """Where it stands in its source, as far as the documents say where they stand."""
    text: str
    source: str
    title: str
    heading: str
    """Of the section it stands in."""
    span: tuple[int, int]
    """Of the sentence in its document's text."""


class ExtractiveEngine(BaseChatModel):
    """Scores every sentence by cosine, IDF-weighted overlap with the question, its passage's rank, and the sentence before it.

    Source of the sum: on SQuAD 1.1 development paragraphs the right sentence comes first for .756 with the cosine alone, for .833
    with half the overlap added.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    encoder: BiEncoder
    reader: CrossEncoder | None = None
    """Tells in which sentence of a passage the answer is; None where there is none."""
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
        documents: Sequence[Mapping[str, Any]] = kwargs.get("documents") or []
        chosen = self._choose(messages, documents, kwargs.get("max_sentences", MAX_SENTENCES))
        for text in self._say(chosen):
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

    def _choose(
        self, messages: Sequence[BaseMessage], documents: Sequence[Mapping[str, Any]], max_sentences: int
    ) -> list[Sentence]:
        """The sentences to quote, in the order of the documents; empty to abstain."""
        candidates = _candidates(documents)
        quoted: set[int] = set()
        for wordings in _questions(messages):
            scored = [scores for each in wordings if (scores := self._scored(each, candidates, documents))]
            means = [sum(each) / len(scored) for each in zip(*scored, strict=True)]
            quoted |= _best(means, candidates, max_sentences)
        return [candidates[i] for i in sorted(quoted)]

    def ranked(self, question: str, documents: Sequence[Mapping[str, Any]]) -> list[Sentence]:
        """Every sentence of the documents that may be quoted, the one that answers best first; none to abstain."""
        candidates = _candidates(documents)
        scores = self._scored(question, candidates, documents)
        return [candidates[i] for i in sorted(range(len(scores)), key=lambda i: -scores[i])]

    def _scored(self, question: str, candidates: Sequence[Sentence], documents: Sequence[Mapping[str, Any]]) -> list[float]:
        """A score each; none at all where no sentence is close enough to the question."""
        if not candidates or not question:
            return []
        cosines = self.encoder.encode_short([each.text for each in candidates]) @ self.encoder.encode_query(question)
        if float(cosines.max()) < MIN_COSINE:
            return []
        return _scores(question, candidates, cosines.tolist(), self._evidence(question, candidates, documents))

    def _evidence(self, question: str, candidates: Sequence[Sentence], documents: Sequence[Mapping[str, Any]]) -> list[float]:
        """Share in [0, 1] of the reader's votes for each sentence; all 0 where there is no reader."""
        if not self.reader:
            return [0.0] * len(candidates)
        passages = [titled(document.get("title", ""), document["text"]) for document in documents]
        readings = self.reader.read(question, [passage for passage, _ in passages])
        logits: list[float] = []
        for each in candidates:
            before = passages[each.document][1]
            logits.append(readings[each.document].sentence(before + each.span[0], before + each.span[1]))
        most = max(logits)
        votes = [math.exp(logit - most) for logit in logits] if math.isfinite(most) else [0.0] * len(logits)
        return [vote / (sum(votes) or 1.0) for vote in votes]

    def _say(self, chosen: Sequence[Sentence]) -> Iterator[str]:
        """The answer in pieces of one sentence: a paragraph a source, its sentences in the order they stand there."""
        sources: dict[str, list[Sentence]] = {}
        for each in chosen:
            sources.setdefault(each.source, []).append(each)
        for number, quoted in enumerate(sources.values()):
            prompt = self.prompts["quote_more" if number else "quote"]
            quotes = _laid_out(sorted(quoted, key=lambda each: each.start))
            paragraph = prompt.text("assistant", title=markers.literal(quoted[0].title), sentences=quotes).strip()
            yield from _pieces("\n\n" + paragraph if number else paragraph)


def build(parts: EngineParts) -> Engine:
    """Registered as `extractive`."""
    return Engine(ExtractiveEngine(encoder=parts.encoder, reader=parts.reader, prompts=parts.prompts), writes=False)


def _questions(messages: Sequence[BaseMessage]) -> list[set[str]]:
    """Those of the last message. One that leans on the one before it stands behind that, and alone as well: else what was asked
    before would be answered again."""
    *before, last = [message.text for message in messages if isinstance(message, HumanMessage)] or [""]
    asked = questions.split(last)
    return [{question, in_context([*before, *asked[: number + 1]])} for number, question in enumerate(asked)]


def _candidates(documents: Sequence[Mapping[str, Any]]) -> list[Sentence]:
    found: dict[str, Sentence] = {}
    for number, document in enumerate(documents):
        text, title = document["text"], document.get("title", "")
        source, offset = document.get("source") or title, document.get("start") or 0
        heading = (document.get("section") or title).rpartition(" > ")[2]
        for span, said in prose.quotable(text):
            found.setdefault(said.lower(), Sentence(number, offset + span[0], said, source, title, heading, span))
    return list(found.values())


def _leans_on_the_one_before(candidates: Sequence[Sentence], i: int) -> bool:
    return i > 0 and candidates[i].document == candidates[i - 1].document and prose.dangles(candidates[i].text)


def _laid_out(quoted: Sequence[Sentence]) -> str:
    """Sentences side by side; where one has no full stop, as the items of a list have none, each on a line."""
    said = [f"{markers.literal(each.text)} [{each.document + 1}]" for each in quoted]
    return " ".join(said) if all(prose.is_ended(each.text) for each in quoted) else "\n".join(f"- {each}" for each in said)


def _best(scores: Sequence[float], candidates: Sequence[Sentence], max_sentences: int) -> set[int]:
    """Which to quote; those that others lean on count."""
    ranked = sorted(range(len(scores)), key=lambda i: -scores[i])
    min_share = 1 - SHARE_LOST * (max_sentences - 1)
    quoted: set[int] = set()
    for i in ranked:
        wanted = {i, i - 1} if _leans_on_the_one_before(candidates, i) else {i}
        if quoted and (scores[i] < min_share * scores[ranked[0]] or len(quoted | wanted) > max_sentences):
            break
        quoted |= wanted
    return quoted


def _scores(question: str, candidates: Sequence[Sentence], cosines: Sequence[float], evidence: Sequence[float]) -> list[float]:
    overlaps = _idf_overlap(terms(question), [terms(f"{each.heading} {each.text}") for each in candidates])
    last = candidates[-1].document + 1
    asked = definitions.topic(question)
    alone = [
        cosine
        + OVERLAP_WEIGHT * overlap
        + RANK_WEIGHT * (1 - each.document / last)
        + DEFINITION_WEIGHT * definitions.defines(each.text, asked)
        + EVIDENCE_WEIGHT * share
        for each, cosine, overlap, share in zip(candidates, cosines, overlaps, evidence, strict=True)
    ]
    return _carried_on(alone, candidates)


def _carried_on(scores: Sequence[float], candidates: Sequence[Sentence]) -> list[float]:
    """Lift a sentence that follows a better one in the same document: what is asked is often named first and answered next."""
    lifted = list(scores)
    for i in range(1, len(scores)):
        if candidates[i].document == candidates[i - 1].document:
            lifted[i] += CARRY_WEIGHT * max(0.0, scores[i - 1] - scores[i])
    return lifted


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

"""The data that flows through the product: frozen values in the field's own words.

Every offset (`start`, `end`) counts characters, end exclusive. This module knows nothing about models, stores or front ends.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from chatbot.sampling import Sampling


class Value(BaseModel):
    """Base of all types here: immutable, and no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Value):
    role: Literal["system", "user", "assistant"]
    content: str
    chunks: tuple[str, ...] = ()
    """Of an answer: its manifest's chunks. An engine that writes then has before it what it had, and its server's cache hits."""
    cited: tuple[str, ...] = ()
    """Of an answer: the chunk id of each of its citations, in their order, which is the order of its markers."""


class Principal(Value):
    """Who asks. Constant until accounts exist."""

    subject: str = "local"
    organization: str = "local"
    scopes: frozenset[str] = frozenset({"public"})


class Query(Value):
    """A question with everything needed to answer it."""

    text: str
    history: tuple[Message, ...] = ()
    """Earlier turns, oldest first, without the question itself."""
    collections: tuple[str, ...] = ()
    """Names of the collections to search; empty means all."""
    sampling: Sampling | None = None
    """Laid over the engine's own; an engine that quotes has no use for it."""
    principal: Principal = Principal()
    request_id: str = Field(default_factory=lambda: uuid.uuid4().hex)


class Document(Value):
    """One source file as the catalogue holds it."""

    id: str
    collection: str
    source: str
    """Path inside the folder that was synced."""
    title: str
    content_hash: str
    access: str = "public"
    """The scope a principal needs to see this document."""
    date: str = ""
    """Day of its last change, YYYY-MM-DD: as it says itself, else as its file or web server does; empty where none does."""


class Chunk(Value):
    """A run of a document's text: `document_text[start:end] == text`."""

    id: str
    document_id: str
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    page: int | None = None
    """1-based page of the first character, where the format has pages."""


class CitedWords(Value):
    """Words of a document, whose place on its pages is asked for."""

    text: str
    """The document's, as far as the words' end at least."""
    start: int
    end: int
    page: int
    """That the chunk of the words begins on; 1-based."""


class Box(Value):
    """A rectangle on a page of a PDF, in points from the lower left corner of the page as it is before it is turned."""

    page: int
    """1-based."""
    left: float
    bottom: float
    right: float
    top: float


class Passage(Value):
    """A retrieved chunk with its source and the score of each stage."""

    chunk: Chunk
    collection: str
    source: str
    title: str
    date: str = ""
    """Of the document; see there."""
    score: float = Field(ge=0, le=1)
    """Fused score, relative to the best of this query."""
    dense: float = Field(ge=-1, le=1)
    """Cosine of question and chunk; comparable between queries, so refusing looks at this one."""
    lexical: float = Field(ge=0)
    """BM25."""
    answerable: float | None = Field(default=None, ge=0, le=1)
    """How sure the reader is that the passage holds the answer; None where it did not read it."""
    rank: int = Field(ge=1)


class Delta(Value):
    """A piece of generated text."""

    text: str
    is_code: bool = False
    """Part of a block of code or of code between backticks, in which there are no markers."""


class Usage(Value):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt's: those that the engine's prefix cache had already."""


FinishReason = Literal["stop", "length", "abstained"]


class Stop(Value):
    """The engine's last word."""

    usage: Usage = Usage()
    finish_reason: FinishReason = "stop"
    model: str = ""


class Sentence(Value):
    """A finished sentence of the answer, its markers still inside the text."""

    text: str
    index: int


class Verdict(Value):
    """What one filter says about one sentence."""

    filter: str
    sentence: int
    grade: Literal["fine", "uncertain", "certain", "not_run"]
    action: Literal["allow", "mark", "redact", "replace", "withhold", "block"]
    category: str
    score: float
    threshold: float
    span: tuple[int, int]
    evidence: str
    reason: str


class Citation(Value):
    """One `[marker]` of the answer. The k-th citation belongs to the k-th marker in the text."""

    marker: int
    start: int
    """Span of the cited words in the source document's text."""
    end: int
    chunk_id: str
    collection: str
    source: str
    title: str
    page: int | None
    date: str = ""
    """Of the document; see there."""
    cited_text: str


Status = Literal["answered", "partial", "abstained", "clarify", "smalltalk", "blocked", "interrupted"]


Match = Literal["exact", "same_words", "similar"]


class Reused(Value):
    """An answer that repeats an earlier one, to the same question of the same principal over the same documents."""

    answer: str
    """Id of the earlier one."""
    match: Match
    """How much alike the two questions are; see `CacheSettings.match`."""
    age_s: float
    """Seconds since it was made."""


class Manifest(Value):
    """What made an answer, so that it can be explained and repeated."""

    engine: str
    encoder: str
    """Fingerprint of the embedding model."""
    generation: int
    """Number of the index generation that was searched."""
    prompts: dict[str, str]
    """Hash of every prompt, by name."""
    chunks: tuple[str, ...]
    """Ids of the chunks that the engine had before it, in the order of its numbers; an id hashes the chunk's text and place."""
    sampling: Sampling | None = None
    """How tokens were chosen; None where nothing is sampled."""
    timings_ms: dict[str, float]
    reused: Reused | None = None
    """What it repeats; None where it was made anew."""


class Answer(Value):
    id: str
    text: str
    status: Status
    citations: tuple[Citation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    passages: tuple[Passage, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    finish_reason: FinishReason = "stop"
    confidence: float | None = None
    """How likely it is right, in [0, 1], by what was found, calibrated on development sets; None where nothing was searched."""
    manifest: Manifest


class Retrieved(Value):
    type: Literal["retrieved"] = "retrieved"
    passages: tuple[Passage, ...]
    engine: str = ""
    """What will answer, as in the manifest: `extractive` writes plain text, a model Markdown."""


class DeltaReleased(Value):
    type: Literal["delta"] = "delta"
    text: str


class Cited(Value):
    type: Literal["citation"] = "citation"
    citation: Citation


class Judged(Value):
    type: Literal["verdict"] = "verdict"
    verdict: Verdict


class Replaced(Value):
    """A sentence already shown is taken back: `text` stands in its place."""

    type: Literal["replaced"] = "replaced"
    sentence: int
    text: str


class Completed(Value):
    type: Literal["completed"] = "completed"
    answer: Answer


class Failed(Value):
    type: Literal["error"] = "error"
    code: str
    message: str
    retry_after_s: float | None = None
    """When to ask again, where the engine's server said so."""


AnswerEvent = Annotated[Retrieved | DeltaReleased | Cited | Judged | Replaced | Completed | Failed, Field(discriminator="type")]
"""What every front end renders. A stream of these ends with exactly one `completed` or `error`."""

answer_event: TypeAdapter[AnswerEvent] = TypeAdapter(AnswerEvent)
"""Parses an event from JSON."""


def writable(text: str) -> str:
    """Half a surrogate pair, which JSON and terminals can carry, has no UTF-8; a question mark stands in for it."""
    return text.encode("utf-8", "replace").decode("utf-8")

"""Every error the product raises, divided by who must act.

    ChatbotError
    ├── UserError            the person at the keyboard: bad question, file, flag or setting (exit 2, HTTP 4xx)
    │   ├── SettingsError        a flag, environment variable or chatbot.toml
    │   ├── PromptError          a file in prompts/
    │   ├── QuestionError        empty, or too long
    │   ├── UnknownCollection    a collection that does not exist
    │   ├── DataMissing          an evaluation set is not in the folder that was given
    │   ├── PlanError            a model that cannot be counted, or a wish that makes no sense
    │   ├── WeightsMissing       no copy of the encoder's weights was found
    │   ├── BadParameter         a sampling parameter or option that the engine refuses
    │   ├── PromptTooLong        the question, or the text of a task, is longer than the model's context
    │   ├── ModelNotServed       the server has no model or adapter of that name
    │   ├── KeyRefused           the server wants another API key
    │   ├── TaskUnavailable      the configured engine cannot do the task
    │   ├── UnknownTask          a task that does not exist
    │   ├── UnknownDocument      a document that does not exist, or a name that several have
    │   ├── BadInput             an input of a task is missing, or has a value it cannot have
    │   └── DataDirectoryError   not writable
    │       ├── DataDirectoryInUse   another process owns it
    │       └── DatabaseUnavailable  the catalogue's server gives no answer now (HTTP 503)
    ├── DocumentRefused      one file cannot be read; the rest of a sync goes on
    │   ├── DocumentGone         there is no such document any more, and what was known of it goes
    │   └── UrlRefused           an address that is never fetched: not public, not http, or malformed
    ├── SyncStopped          a sync was asked to end; what it did is kept
    ├── FetchFailed          a web server gives no answer now; what is known of the page stays
    ├── IndexUnavailable     the server of the dense index gives no answer now (exit 1, HTTP 503)
    ├── ClusterUnavailable   no Ray cluster answers at an address (exit 1, HTTP 503)
    ├── EngineUnavailable    the engine's server gives no answer now (exit 1, HTTP 503)
    │   ├── EngineUnreachable    nothing answers at its address
    │   ├── EngineTimedOut       a deadline passed (HTTP 504)
    │   └── EngineBusy           it refuses for load; says when to come back
    └── InternalError        our own fault (exit 1, HTTP 5xx)
        ├── EngineBroke          the engine's server broke off, or sent what nobody can read (HTTP 502)
        ├── OutputInvalid        a structured answer that does not follow its schema (HTTP 502)
        ├── FormatFailed         a format broke on one file; the rest of a sync goes on
        └── IndexDamaged         a derived index cannot be used, or differs from the catalogue and could not be rebuilt

The text of each is shown to people: what happened, which value, what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self


class ChatbotError(Exception):
    """Base of all errors this product raises on purpose."""


class UserError(ChatbotError):
    """The person can mend it."""


class SettingsError(UserError):
    """A flag, environment variable or line of chatbot.toml is wrong."""


class PromptError(UserError):
    """A prompt file is missing, malformed, or its placeholders do not match its inputs."""


class QuestionError(UserError):
    """The question is empty or too long."""


class UnknownCollection(UserError):
    """A collection was named that does not exist."""

    @classmethod
    def among(cls, name: str, known: Iterable[str]) -> Self:
        """With those that there are."""
        there_are = ", ".join(sorted(known)) or "none yet; run `chatbot sync PATH` first"
        return cls(f"there is no collection {name!r}; there are: {there_are}")


class DataMissing(UserError):
    """A set to evaluate on is not there; what needs it does not run, and is said not to have run."""


class PlanError(UserError):
    """A model cannot be read or counted, or what is wished of the plan makes no sense."""


class WeightsMissing(UserError):
    """The encoder's weights are on none of the places they may come from."""


class BadParameter(UserError):
    """A sampling parameter or an option has a value that the engine refuses, or the engine does not have it."""


class PromptTooLong(UserError):
    """What was asked does not fit into the model's context."""


class ModelNotServed(UserError):
    """The server serves no model and no adapter of that name."""


class KeyRefused(UserError):
    """The server refuses the API key."""


class TaskUnavailable(UserError):
    """The configured engine cannot do the task."""


class UnknownTask(UserError):
    """A task was named that does not exist."""


class UnknownDocument(UserError):
    """A document was named that does not exist, or a name that several have."""


class BadInput(UserError):
    """An input of a task is missing or wrong."""


class DataDirectoryError(UserError):
    """The data directory cannot be used."""


class DataDirectoryInUse(DataDirectoryError):
    """Another process owns the data directory."""


class DatabaseUnavailable(DataDirectoryError):
    """The catalogue's server does not answer, stops, or is too busy; whoever asked a question made no mistake."""


class DocumentRefused(ChatbotError):
    """One document cannot be read; the message is the reason that the sync report shows."""


class DocumentGone(DocumentRefused):
    """There is nothing where a document should be."""


class UrlRefused(DocumentRefused):
    """A URL that is not fetched, whatever lies there; no connection was made to it."""


class FetchFailed(ChatbotError):
    """A web server did not answer, or broke off; it may do better another time, so what is known of the page stays."""


class SyncStopped(ChatbotError):
    """Somebody asked a sync to end; what it did is kept, and the next one goes on from there."""


class IndexUnavailable(ChatbotError):
    """The Chroma server does not answer; what it holds is not in question."""


class ClusterUnavailable(ChatbotError):
    """The cluster that a sync was to run on cannot be reached."""


class EngineUnavailable(ChatbotError):
    """The engine's server cannot answer now; nobody here made a mistake."""


class EngineUnreachable(EngineUnavailable):
    """Nothing answers at the engine's address."""


class EngineTimedOut(EngineUnavailable):
    """One of the deadlines passed."""


class EngineBusy(EngineUnavailable):
    """The engine's server refuses for load."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """When to come back, if the server said so."""


class InternalError(ChatbotError):
    """Something of ours failed."""


class EngineBroke(InternalError):
    """The engine's server broke off an answer, or sent something that is no answer."""


class OutputInvalid(InternalError):
    """The model's structured answer was cut off or does not follow its schema."""


class FormatFailed(InternalError):
    """A format met what it did not foresee; the message is the reason that the sync report shows."""


class IndexDamaged(InternalError):
    """A derived index cannot be read or written, or differs from the catalogue and rebuilding it did not help."""


def from_code(code: str, message: str, retry_after_s: float | None = None) -> ChatbotError:
    """The error that an event tells of by the name of its class; a name that is not one of these is our own fault."""
    if code == EngineBusy.__name__:
        return EngineBusy(message, retry_after_s)
    kind = globals().get(code)
    return kind(message) if isinstance(kind, type) and issubclass(kind, ChatbotError) else InternalError(message)


_PLAINLY = {
    "extra_forbidden": "there is no such field",
    "missing": "it is missing",
    "dict_type": "it has to be an object with fields",
    "model_type": "it has to be an object with fields",
    "model_attributes_type": "it has to be an object with fields",
}
"""Instead of pydantic's words, which are for programmers."""


def first_mistake(mistakes: Sequence[Mapping[str, Any]], inside: int = 0) -> str:
    """The first of pydantic's `errors()` with its place, less the `inside` outermost names of it."""
    location: tuple[str | int, ...] = mistakes[0]["loc"]
    if mistakes[0]["type"] == "json_invalid":
        place = f", at character {location[-1]}" if location else ""
        return f"this is no JSON: {mistakes[0]['ctx']['error']}{place}"
    said = _PLAINLY.get(mistakes[0]["type"]) or str(mistakes[0]["msg"])
    said = said.removeprefix("Value error, ")  # pydantic's own words before ours
    return ": ".join(filter(None, [".".join(map(str, location[inside:] or location)), said]))

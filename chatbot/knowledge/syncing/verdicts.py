"""What is reported of a document, from what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chatbot.errors import DocumentGone, DocumentRefused, FetchFailed, FormatFailed, UrlRefused
from chatbot.knowledge.syncing.plan import Task
from chatbot.reports import DocumentReport, DocumentState

_T = TypeVar("_T")


def tried(task: Task, read: Callable[[], _T | DocumentReport]) -> _T | DocumentReport:
    """What `read` gives, or the report on why it gives nothing."""
    try:
        return read()
    except DocumentGone as error:
        return report(task, "removed" if task.old else "refused", str(error))
    except UrlRefused as error:
        # a network that leads every name to its own login page must not cost what is known
        return report(task, "failed" if task.old else "refused", str(error))
    except DocumentRefused as error:
        return report(task, "refused", str(error))
    except (FormatFailed, FetchFailed) as error:
        return report(task, "failed", str(error))
    except OSError as error:
        return report(task, "failed", f"cannot be read: {error.strerror}")


def new(task: Task, missing: str, chunks: int = 0) -> DocumentReport:
    if task.was:
        return report(task, "renamed", "; ".join(filter(None, [f"it was {task.was}", missing])), chunks)
    return report(task, "partly" if missing else "changed" if task.old else "added", missing, chunks)


def report(task: Task, state: DocumentState, reason: str = "", chunks: int = 0) -> DocumentReport:
    return DocumentReport(source=task.path, collection=task.source.collection, state=state, reason=reason, chunks=chunks)

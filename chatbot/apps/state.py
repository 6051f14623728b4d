"""What the server says of itself while it starts, and where requests find the application."""

from __future__ import annotations

import threading
from typing import Literal

from pydantic import BaseModel

from chatbot.bootstrap import Application
from chatbot.knowledge.syncing.pace import Pace

_OF_THE_SYNC = {"done", "total", "chunks_per_s", "seconds_left"}

Phase = Literal["starting", "syncing", "ready", "failed"]


class Progress(BaseModel):
    """The body of /readyz."""

    ready: bool = False
    phase: Phase = "starting"
    done: int = 0
    """Documents looked at, of `total`, in the first sync."""
    total: int = 0
    chunks_per_s: float | None = None
    """Over the last half minute; null where nothing was embedded."""
    seconds_left: float | None = None
    """Null while it is too early to say."""
    message: str = ""
    page: bool = False
    """True once the web chat is there; the API is ready before it."""


class ServerState:
    """Written by the start-up task, read by every request."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.application: Application | None = None
        self.progress = Progress()
        self.stopping = threading.Event()
        """Set when the server is asked to end: starting up ends at the next step, a sync after the step it is at."""
        self.pace = Pace()
        """Of the first sync."""

    def now(self) -> Progress:
        """How far it is."""
        if self.progress.phase != "syncing":
            return self.progress
        progress = self.pace.now()
        if not progress.total:
            return self.progress
        told = progress.model_dump(include=_OF_THE_SYNC)
        if progress.splits_anew:
            told["message"] = "documents are split anew"
        return self.progress.model_copy(update=told)

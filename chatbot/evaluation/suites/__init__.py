"""What is measured, one file a suite; each runs its sets and yields measurements."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from chatbot.evaluation.bench import Suite
from chatbot.evaluation.suites import abstention, cache, citations, classification, followups, golden, reading, retrieval, tasks

SUITES: Mapping[str, Suite] = MappingProxyType(
    {
        suite.NAME: suite.run
        for suite in (golden, tasks, retrieval, followups, reading, citations, abstention, cache, classification)
    }
)
"""By name, in the order they run: from what a user's own collections say to what takes longest."""

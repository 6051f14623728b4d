"""What every mail becomes, however it was stored: who wrote to whom and when, the subject as its heading, body, attachments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatbot.knowledge.formats import plain
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.html import from_markup
from chatbot.knowledge.formats.member import Members
from chatbot.schema import Value

_MAX_HEADER = 2_000
"""Of a list of those it went to."""


class Attachment(Value):
    name: str
    content: Callable[[int], bytes]
    """Its bytes; given a limit, it returns at most one byte more, or raises DocumentRefused."""


def build(
    headers: dict[str, str], bodies: Sequence[Extracted], attachments: Sequence[Attachment], missing: str = ""
) -> Extracted:
    """One document: `headers` by name in the order they are shown, of which “Subject” is the title; each attachment a section."""
    builder = TextBuilder()
    subject = headers.get("Subject", "")
    builder.heading(1, subject)
    lines = [f"{name}: {_cut(value)}" for name, value in headers.items() if name != "Subject" and value]
    builder.block("\n".join(lines))
    for body in bodies:
        builder.include(body, 1)
    members = Members(builder, level=2)
    for attachment in attachments:
        members.add(attachment.name, attachment.content)
    return builder.build(subject, "; ".join(filter(None, [missing, members.missing])), [headers.get("Date")])


def text_body(text: str) -> Extracted:
    """A body of plain text."""
    return plain.extract(text.encode("utf-8", "replace"))


def html_body(markup: str) -> Extracted:
    """A body of HTML.

    Raises:
        DocumentRefused: nested too deeply.
    """
    return from_markup(markup)


def _cut(value: str) -> str:
    return value if len(value) <= _MAX_HEADER else f"{value[:_MAX_HEADER]} …"

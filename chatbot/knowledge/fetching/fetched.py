"""What a fetch gives, and what the next one needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Conditional:
    """What is known of a page, so that it is sent again only if it changed."""

    url: str
    """Where it was at last; another URL's marks mean nothing."""
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Page:
    """What a URL held."""

    url: str
    """After all redirects."""
    content: bytes
    content_type: str
    """As the server wrote it, with its parameters; may be empty."""
    etag: str
    last_modified: str


@dataclass(frozen=True)
class Fetched(Page):
    """A page that a format reads."""

    suffix: str
    """Of the format, without the dot."""

    @property
    def known(self) -> Conditional:
        """To be given to the next fetch."""
        return Conditional(self.url, self.etag, self.last_modified)


@dataclass(frozen=True)
class NotModified:
    """The page is as it was."""

    url: str

"""Who may change the documents over HTTP while there are no accounts: a person at this machine, by our own page or a program.

Another site's page can send forms and files to any address that a browser reaches; only its browser tells, by two headers.
Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers" and "verifying origin".
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from chatbot.apps.api import opened, owner_only


def from_here(request: Request) -> None:
    """Refuse what another site's page sends, whoever's browser it runs in."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin", "none") or (origin and urlsplit(origin).netloc != request.headers.get("host")):
        raise HTTPException(403, "this was sent by another site's page; only this server's own page may change the documents")


def may_change(request: Request) -> None:
    """Refuse what other machines send, unless it has the token in the data directory's lock file."""
    from_here(request)
    if not opened(request).settings.is_private:
        owner_only(request)

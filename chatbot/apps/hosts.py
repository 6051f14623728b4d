"""Answers under its own names only, as plain ASGI: another site's page could have made its own name resolve to this machine."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.apps.problems import problem

_MAX_SHOWN = 100


class AllowedHosts:
    """Refuses what was sent to another name, with the name and what to do."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if await self._allows(scope, receive):
            await self._app(scope, receive, send)
            return
        name = Headers(scope=scope).get("host", "")[:_MAX_SHOWN]
        said = f"this server does not answer under the name {name!r}; add the name to allowed_hosts (CHATBOT_ALLOWED_HOSTS)"
        await problem(400, said)(scope, receive, send)

    async def _allows(self, scope: Scope, receive: Receive) -> bool:
        """Starlette's verdict, without its words."""
        verdict = False

        async def inside(_scope: Scope, _receive: Receive, _send: Send) -> None:
            nonlocal verdict
            verdict = True

        async def unheard(_message: Message) -> None:
            """What it would say of a refusal."""

        await TrustedHostMiddleware(inside, self._names, www_redirect=False)(scope, receive, unheard)
        return verdict

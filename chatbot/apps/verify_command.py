"""`chatbot verify`: says whether all that is stored fits together; with `--repair` the indexes are made anew if they do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from chatbot import settings
from chatbot.apps.controls import harmless
from chatbot.apps.document_commands import Say

if TYPE_CHECKING:
    from chatbot.apps.session import DocumentSession


def add_to(app: typer.Typer, say: Say) -> None:
    """Give the command line its command."""

    @app.command()
    def verify(
        repair: Annotated[bool, typer.Option("--repair", help="Build the indexes anew where they are wrong.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Compare the catalogue with both indexes, chunk by chunk. Exit code 0 all fits, 1 something does not."""

        def act(session: DocumentSession) -> bool:
            sound, findings = True, []
            for found in session.verify(repair):
                # after a repair everything is looked at once more, and that is what counts
                sound = found.state != "problem" and (sound or found.check == "repair")
                findings.append(found.model_dump())
                if not as_json:
                    typer.echo(harmless(f"{found.state:>8}  {found.check:<11} {found.text}"))
            if as_json:
                typer.echo(json.dumps({"sound": sound, "findings": findings}, indent=2))
            return sound

        from chatbot.apps.session import connect_documents

        with connect_documents(settings.load(), "verify", say) as session:
            sound = act(session)
        raise typer.Exit(0 if sound else 1)

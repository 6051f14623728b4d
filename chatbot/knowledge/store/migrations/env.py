"""The script that alembic runs for every command. `upgrade` hands it the connection, whose transaction stays the caller's."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()

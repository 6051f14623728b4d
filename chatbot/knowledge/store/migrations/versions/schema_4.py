"""Schema 4: a document knows by which program it was read, and its outline, from which it can be split anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    # of a document that is there already nothing is known: it is read anew
    op.add_column("documents", sa.Column("reading", sa.String, nullable=False, server_default=""))
    op.create_table(
        "outlines",
        sa.Column("document_id", sa.String, sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("outline", sa.JSON, nullable=False),
    )

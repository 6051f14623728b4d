"""Schema 2: a document has a state, with the reason where it failed, in the place of "published or not"."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    # Columns come and go one by one. Alembic's other way with SQLite copies the table and drops the old one, and by the foreign
    # key, which a transaction cannot switch off, every chunk would go with it.
    op.add_column("documents", sa.Column("state", sa.String, nullable=False, server_default="parsed"))
    op.add_column("documents", sa.Column("reason", sa.String, nullable=False, server_default=""))
    documents = sa.table("documents", sa.column("state"), sa.column("published", sa.Boolean))
    op.execute(documents.update().where(documents.c.published).values(state="live"))
    op.drop_column("documents", "published")
    # whoever writes a document looks for what there is at its path
    op.create_index("ix_documents_source_id_path", "documents", ["source_id", "path"])
    op.drop_index("ix_documents_source_id", "documents")

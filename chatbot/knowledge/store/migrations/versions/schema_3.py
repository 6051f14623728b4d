"""Schema 3: a document has a mark, by which the place it came from knows the same bytes again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    op.add_column("documents", sa.Column("mark", sa.String, nullable=False, server_default=""))

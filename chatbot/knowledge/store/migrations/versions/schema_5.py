"""Schema 5: a document knows the day of its last change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    op.add_column("documents", sa.Column("date", sa.String, nullable=False, server_default=""))

"""Schema 1: sources, documents that are published or not, chunks, embeddings, notes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    op.create_table("meta", sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.String, nullable=False))
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("collection", sa.String, nullable=False),
        sa.Column("location", sa.String, nullable=False),
        sa.UniqueConstraint("collection", "location"),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("source_id", sa.Integer, sa.ForeignKey("sources.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("collection", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("content_hash", sa.String, nullable=False),
        sa.Column("recipe", sa.String, nullable=False),
        sa.Column("access", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("missing", sa.String, nullable=False),
        sa.Column("published", sa.Boolean, nullable=False),
    )
    op.create_table(
        "chunks",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("document_id", sa.String, sa.ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("heading_path", sa.JSON, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer),
        sa.Column("embedded_hash", sa.String, nullable=False, index=True),
    )
    op.create_table(
        "embeddings",
        sa.Column("embedded_hash", sa.String, primary_key=True),
        sa.Column("fingerprint", sa.String, primary_key=True),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )

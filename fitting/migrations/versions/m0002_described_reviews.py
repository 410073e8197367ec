"""Items without pictures, and what customers wrote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("looks", sa.Column("described", sa.Boolean, nullable=False, server_default=sa.false()))
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "reviews",
        sa.Column("number", number, nullable=False, autoincrement=True),
        sa.Column("item", sa.String(200), nullable=False),
        sa.Column("rating", sa.Integer),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("digest", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_reviews"),
    )
    op.create_index("ix_reviews_item", "reviews", ["item"])
    op.create_index("ix_reviews_digest", "reviews", ["digest"], unique=True)


def downgrade() -> None:
    op.drop_table("reviews")
    op.drop_column("looks", "described")

"""The first tables: looks, items, events, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("network", sa.String(64), nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("category", sa.String(16), nullable=False),
        sa.Column("worn", sa.Boolean, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_looks"),
    )
    op.create_table(
        "items",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("category", sa.String(16), nullable=False),
        sa.Column("look", sa.String(64), nullable=False),
        sa.Column("picture", sa.Text, nullable=False),
        sa.Column("price", sa.Float),
        sa.Column("colours", sa.Text, nullable=False),
        sa.Column("pattern", sa.Text),
        sa.Column("sleeve", sa.Text),
        sa.Column("neckline", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("stock", sa.Integer),
        sa.Column("added", sa.Float, nullable=False),
        sa.Column("sample", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
        sa.ForeignKeyConstraint(["look"], ["looks.key"], name="fk_items_look_looks"),
    )
    op.create_index("ix_items_look", "items", ["look"])
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "events",
        sa.Column("number", number, nullable=False, autoincrement=True),
        sa.Column("shopper", sa.String(200), nullable=False),
        sa.Column("item", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_events"),
    )
    op.create_index("ix_events_shopper_at_item_kind", "events", ["shopper", "at", "item", "kind"], unique=True)
    op.create_table(
        "settings",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )


def downgrade() -> None:
    for table in ("settings", "events", "items", "looks"):
        op.drop_table(table)

"""The shop in SQL: what is on offer, what pictures showed, what shoppers did and wrote, and a few
settings.

Times are seconds since the epoch. Nothing refers from `events` to `items`: what a shopper did stays true when an
item leaves the shop, and counts again when it comes back.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

ID_LENGTH = 200  # of items and shoppers, in characters

# Constraints need names of their own, or later migrations could not drop them.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

looks = Table(
    "looks",
    metadata,
    Column("key", String(64), primary_key=True),  # of the picture's content, the category wanted and the network
    Column("network", String(64), nullable=False),  # whose space the embedding is in
    Column("embedding", LargeBinary, nullable=False),  # little-endian float32, unit length
    Column("category", String(16), nullable=False),  # as found, or as wanted
    Column("worn", Boolean, nullable=False),  # the picture showed a person wearing it
    Column("notes", Text, nullable=False),  # JSON list of sentences
    Column("made", Float, nullable=False),
    Column("described", Boolean, nullable=False),  # there was no picture: made of what the shop says of the item
)

items = Table(
    "items",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),
    Column("place", Integer, nullable=False),  # in the shop's order
    Column("title", Text, nullable=False),
    Column("category", String(16), nullable=False),
    Column("look", String(64), ForeignKey("looks.key"), nullable=False),
    Column("picture", Text, nullable=False),  # as the shop's own file names it; the copy is named by the look
    Column("price", Float),
    Column("colours", Text, nullable=False),  # JSON list of names
    Column("pattern", Text),
    Column("sleeve", Text),
    Column("neckline", Text),
    Column("description", Text),
    Column("url", Text),
    Column("stock", Integer),  # null: not counted
    Column("added", Float, nullable=False),
    Column("sample", Boolean, nullable=False),  # of the sample shop, which makes room for a real one
    Index(None, "look"),
)

events = Table(
    "events",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("shopper", String(ID_LENGTH), nullable=False),
    Column("item", String(ID_LENGTH), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Float, nullable=False),
    Column("simulated", Boolean, nullable=False),  # nobody did this: it belongs to the sample shop
    # The same orders may be imported twice. The index also finds a shopper's events.
    Index(None, "shopper", "at", "item", "kind", unique=True),
)

reviews = Table(
    "reviews",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("item", String(ID_LENGTH), nullable=False),
    Column("rating", Integer),  # stars, 1 to 5; null: none given
    Column("text", Text, nullable=False),
    Column("digest", String(40), nullable=False),  # of item, rating and text: the same review may be imported twice
    Index(None, "item"),
    Index(None, "digest", unique=True),
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)

"""Steps from each version of the shop's tables to the next; run by Alembic when a shop is opened."""

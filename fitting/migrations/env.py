"""What Alembic runs: on the connection that it is given, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from fitting.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column; Alembic then copies the table
)
context.run_migrations()

"""Alembic's hook: runs the migrations on the connection that `sample_app.migrate` hands over."""

from alembic import context

from sample_app.tenancy import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()

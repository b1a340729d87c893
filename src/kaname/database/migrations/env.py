"""Run by Alembic inside :func:`kaname.database.migrate`, in the transaction that is already open."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()

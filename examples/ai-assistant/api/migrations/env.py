"""Runs the migrations against the database the settings name."""

from logging.config import fileConfig

from alembic import context

from app.database import create_engine
from app.models import Base

fileConfig(context.config.config_file_name, disable_existing_loggers=False)


def run_online() -> None:
    with create_engine().connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            # Two replicas may be told to migrate at once: the second waits.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7415112)")
            context.run_migrations()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    run_online()

"""The application's first admin, and the database's least-privileged user."""

import os

from psycopg import sql
from sqlalchemy import select
from sqlalchemy.orm import Session

from .. import database, fulltext
from ..models import User
from ..security import hash_password, password_matches


def _given(name: str, default: str = "") -> str:
    value = os.environ.get(name) or default
    if not value:
        raise RuntimeError(f"{name} is not set")
    return value


def admin_user() -> str:
    """ADMIN_EMAIL with ADMIN_PASSWORD can log in and is an admin, whatever was before."""
    email, password = _given("ADMIN_EMAIL", "admin@example.com").lower(), _given("ADMIN_PASSWORD")
    if len(password) < 12:
        raise RuntimeError("ADMIN_PASSWORD is shorter than 12 characters")
    with Session(database.engine()) as session:
        user = session.scalar(select(User).where(User.email == email))
        if user is not None and user.is_admin and password_matches(password, user.password_hash):
            return f"{email} is an admin already"
        if user is None:
            user = User(email=email)
            session.add(user)
        user.is_admin, user.password_hash = True, hash_password(password)
        session.commit()
    return f"{email} is an admin"


# What the api needs and no more: no schema changes, nothing of other schemas.
RIGHTS = (
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role}",
)
ROLE = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def _role(cursor, name: str, password: str, extra: str = "") -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    statement = sql.SQL(verb + " ROLE {} WITH LOGIN " + ROLE + " PASSWORD {}" + extra)
    cursor.execute(statement.format(sql.Identifier(name), sql.Literal(password)))


def app_user() -> str:
    """The users that the api and the exporter log in as, with the passwords that the environment says now."""
    app, password = _given("APP_DB_USER", "assistant_app"), _given("APP_DB_PASSWORD")
    monitor, monitor_password = _given("MONITOR_DB_USER", "assistant_monitor"), os.environ.get("MONITOR_DB_PASSWORD")
    connection = database.engine().raw_connection()
    try:
        with connection.cursor() as cursor:
            _role(cursor, app, password)
            names = {"database": sql.Identifier(database.engine().url.database), "role": sql.Identifier(app)}
            for statement in RIGHTS:
                cursor.execute(sql.SQL(statement).format(**names))
            if monitor_password:
                _role(cursor, monitor, monitor_password)
                cursor.execute(sql.SQL("GRANT pg_monitor TO {}").format(sql.Identifier(monitor)))
                cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(names["database"], sql.Identifier(monitor)))
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.commit()
    finally:
        connection.close()
    return f"{app} may read and write the tables, and nothing else"


def kibana_user() -> str:
    """Kibana's own user of Elasticsearch has the password KIBANA_PASSWORD: the superuser may not be used for that."""
    if fulltext.client is None:
        raise RuntimeError("ELASTICSEARCH_URL is not set")
    answer = fulltext.client.post("/_security/user/kibana_system/_password", json={"password": _given("KIBANA_PASSWORD")})
    answer.raise_for_status()
    return "kibana_system has its password"

# Runs once, when the database is new: the users that the api and the exporter
# log in as. `aictl run app-user` does the same for a database that is there.
export APP_DB_USER=${APP_DB_USER:-assistant_app}
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\getenv database POSTGRES_DB
\getenv app APP_DB_USER
\getenv app_password APP_DB_PASSWORD
\getenv monitor_password MONITOR_DB_PASSWORD
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE ROLE :"app" WITH LOGIN PASSWORD :'app_password';
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"app";
GRANT USAGE ON SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO :"app";
CREATE ROLE assistant_monitor WITH LOGIN PASSWORD :'monitor_password';
GRANT pg_monitor TO assistant_monitor;
GRANT CONNECT ON DATABASE :"database" TO assistant_monitor;
SQL

#!/bin/sh
# Run once by the PostgreSQL image, on an empty volume: Prefect owns one database and may do nothing else.
set -eu

psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres \
    --set password="$(cat "${PREFECT_PASSWORD_FILE:-/run/secrets/postgres_prefect_password}")" <<'SQL'
CREATE ROLE prefect LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE prefect OWNER prefect;
REVOKE ALL ON DATABASE prefect, postgres, template1 FROM PUBLIC;
SQL

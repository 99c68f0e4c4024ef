#!/bin/bash
# What the image `postgres` does before its server starts, as far as docker-compose.yml uses it: on
# an empty volume a cluster with POSTGRES_INITDB_ARGS and the password of POSTGRES_PASSWORD_FILE,
# then the scripts of /docker-entrypoint-initdb.d against a server that no network reaches.
set -euo pipefail
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    chmod 700 "$PGDATA" || true
    if [ ! -s "${POSTGRES_PASSWORD_FILE:-/dev/null}" ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        exit 1
    fi
    # shellcheck disable=SC2086 # several arguments in one variable, as in the image
    initdb --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    export PGPASSWORD
    pg_ctl start --wait --options "-c listen_addresses=''"
    for script in /docker-entrypoint-initdb.d/*.sh; do
        if [ -x "$script" ]; then "$script"; else . "$script"; fi
    done
    pg_ctl stop --mode fast --wait
    unset PGPASSWORD
fi
exec "$@"

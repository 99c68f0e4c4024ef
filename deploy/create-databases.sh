#!/bin/sh
# Run once by PostgreSQL's image, on an empty volume: a role and a database for the product and for
# Prefect, neither of them a superuser.
set -eu
for name in product prefect; do
    password=$(cat "/run/secrets/${name}_password")
    : "${password:?secrets/${name}_password is empty: run deploy/make-secrets.sh, and begin with an empty volume}"
    psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set=name="$name" --set=password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
SQL
done

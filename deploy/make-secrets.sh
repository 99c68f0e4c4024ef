#!/bin/sh
# Generates what docker-compose.yml reads from ./secrets; what is there already is kept.
# The folder is closed to others; the files in it are readable by the containers' users.
set -eu
folder=${1:-secrets}
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # name value
    [ -s "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"
    chmod 644 "$folder/$1"
}
random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
of() { cat "$folder/$1"; }

keep secret_key "$(random 32)"
keep postgres_password "$(random 24)"
keep product_password "$(random 24)"
keep prefect_password "$(random 24)"
keep redis_password "$(random 24)"
keep s3_secret_key "$(random 24)"
keep metrics_token "$(random 24)"
keep prefect_auth "plumbline:$(random 24)"
keep database_url "postgresql://product:$(of product_password)@postgres:5432/product"
keep prefect_database_url "postgresql+asyncpg://prefect:$(of prefect_password)@postgres:5432/prefect"
keep redis_url "redis://:$(of redis_password)@redis:6379/0"
keep email_url "smtp://mail:1025"
echo "The secrets are in $folder. Put your mail server into $folder/email_url."

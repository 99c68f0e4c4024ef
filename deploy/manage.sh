#!/bin/sh
# manage.py with the variables of /etc/plumbline.env; root runs it as the user plumbline.
set -eu
set -a
. "${PLUMBLINE_ENV:-/etc/plumbline.env}"
set +a
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || exec .venv/bin/python manage.py "$@"
export HOME=/var/lib/plumbline
exec setpriv --reuid plumbline --regid plumbline --init-groups .venv/bin/python manage.py "$@"

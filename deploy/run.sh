#!/bin/sh
# One process of the product by its name, as systemd's plumbline@.service starts it.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
case ${1:-} in
web) exec $bin/gunicorn config.wsgi --bind "127.0.0.1:${WEB_PORT:-8000}" \
    --worker-class config.web.front.Worker --workers 2 --threads 4 --preload \
    --no-control-socket --keep-alive 75 --graceful-timeout 20 ;;
celery) exec $bin/celery -A config worker --hostname celery@%h --pool threads --concurrency 2 \
    --without-gossip --without-mingle --loglevel WARNING ;;
beat) exec $bin/celery -A config beat --schedule /tmp/beat --pidfile= --loglevel WARNING ;;
worker) exec $bin/python -m flows.worker ;;
*) echo "expected web, celery, beat or worker" >&2; exit 2 ;;
esac

#!/bin/sh
# A backup under its time's name, read again; then those that are too old are removed. Run by the
# user who may write BACKUP_DIR, with the product's variables.
set -eu
folder=${BACKUP_DIR:?is not set: the folder of the backups}
days=${BACKUP_KEEP_DAYS:-30}
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x $python ] || python=python

name='[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9][0-9][0-9]'
kept() { find "$folder" -maxdepth 1 -type d -name "$name" | sort; }
last=$(kept | tail -n 1)
now=$folder/$(date -u +%Y-%m-%dT%H%M)
$python manage.py backup "$now" ${last:+--previous "$last"}
$python manage.py backup --verify "$now"

oldest=$folder/$(date -u -d "$days days ago" +%Y-%m-%dT%H%M)
find "$folder" -maxdepth 1 -type d -name "$name.partial" ! -path "$now.partial" -exec rm -r {} +
kept | while read -r backup; do
    if expr "$backup" \< "$oldest" >/dev/null; then
        rm -r "$backup"
        echo "Removed $backup: older than $days days."
    fi
done

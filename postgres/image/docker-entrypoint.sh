#!/bin/bash
# The part of the upstream image's entrypoint that this stack uses, written anew: on an empty data folder make a
# cluster, run /docker-entrypoint-initdb.d/*.sh and *.sql against a server that listens on its socket only, then start.
set -euo pipefail

[ "${1:-}" = postgres ] || exec "$@"

data=$PGDATA
if [ ! -s "$data/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD_FILE:?names the file with the superuser password}"
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  # Made beside its place, and PG_VERSION moved last: whatever is cut short on the way begins anew at the next start.
  export PGDATA=$data/.part
  [ ! -d "$PGDATA" ] || rm -rf "${data:?}"/* "$PGDATA"
  initdb --username="$user" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust \
    --encoding=UTF8 --no-sync ${POSTGRES_INITDB_ARGS:-} >/dev/null
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start >/dev/null
  export PGUSER=$user
  [ "$database" = postgres ] || psql -q -v ON_ERROR_STOP=1 -d postgres -c "CREATE DATABASE \"$database\""
  export PGDATABASE=$database POSTGRES_USER=$user POSTGRES_DB=$database
  for script in /docker-entrypoint-initdb.d/*; do
    case "$script" in
      *.sh) echo "init: $script"; bash "$script" ;;
      *.sql) echo "init: $script"; psql -q -v ON_ERROR_STOP=1 -f "$script" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
  find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$data" {} +
  chmod 0700 "$data"
  sync
  mv "$PGDATA/PG_VERSION" "$data"
  sync
  export PGDATA=$data
fi
[ ! -d "$PGDATA/.part" ] || rmdir "$PGDATA/.part"

exec "$@"

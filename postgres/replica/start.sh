#!/bin/bash
# A replica: on an empty data folder a copy of the primary, then PostgreSQL in recovery, streaming. With the upstream
# image as with ours. The password stays out of the data folder: it is written anew at each start, into memory.
set -euo pipefail
primary=${POSTGRES_PRIMARY_HOST:?names the primary}
export PGPASSFILE=/tmp/pgpass
(umask 077; printf '*:*:*:*:%s\n' "$(cat /run/secrets/postgres_replication_password)" > "$PGPASSFILE")

part=$PGDATA/.part
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "copying from $primary"
  # beside its place, and PG_VERSION moved last: a copy that is cut short begins anew at the next start
  rm -rf "${PGDATA:?}"/* "$part"
  pg_basebackup --host="$primary" --username=stratum_replication --pgdata="$part" --wal-method=stream \
    --checkpoint=fast --no-password
  find "$part" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" {} +
  chmod 0700 "$PGDATA"
  sync
  mv "$part/PG_VERSION" "$PGDATA"
  rmdir "$part"
fi
touch "$PGDATA/standby.signal"
exec "$@" -c "primary_conninfo=host=$primary user=stratum_replication passfile=$PGPASSFILE application_name=postgres-replica"

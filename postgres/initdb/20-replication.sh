#!/bin/bash
# The replica's own role, and the one line of pg_hba.conf that "all" does not cover.
set -euo pipefail
psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
  -v password="$(cat /run/secrets/postgres_replication_password)" <<'SQL'
CREATE ROLE stratum_replication REPLICATION LOGIN PASSWORD :'password';
SQL
echo "host replication stratum_replication all scram-sha-256" >> "$PGDATA/pg_hba.conf"

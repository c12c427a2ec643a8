#!/bin/bash
# Least privilege: one role owns and migrates the schema, one reads and writes rows, one only looks at statistics.
set -euo pipefail
role() { # name, secret file
  psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v name="$1" -v password="$(cat "$2")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
SQL
}
role stratum_owner /run/secrets/postgres_owner_password
role stratum_app /run/secrets/postgres_app_password
role stratum_exporter /run/secrets/postgres_exporter_password
psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
ALTER DATABASE stratum OWNER TO stratum_owner;
REVOKE ALL ON DATABASE stratum FROM PUBLIC;
GRANT CONNECT ON DATABASE stratum TO stratum_app, stratum_exporter;
ALTER SCHEMA public OWNER TO stratum_owner;
GRANT USAGE ON SCHEMA public TO stratum_app;
GRANT pg_monitor TO stratum_exporter;
SQL

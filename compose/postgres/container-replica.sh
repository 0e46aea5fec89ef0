#!/usr/bin/env bash
# The replica's container: a copy of the primary the first time, or when its place
# in the log is lost; then it follows.
set -euo pipefail

readonly SOURCE="host=primary user=replicator application_name=replica passfile=$PGDATA.pgpass"

ask_primary() {
	PGPASSWORD=$POSTGRES_PASSWORD PGCONNECT_TIMEOUT=5 \
		psql -X -A -t -q -v ON_ERROR_STOP=1 -h primary -U postgres -d postgres -c "$1"
}

# The primary may be away: then the copy that is here serves on.
place_is_lost() {
	[[ $(ask_primary "SELECT count(*) FROM pg_replication_slots
		WHERE slot_name = 'replica' AND wal_status = 'lost'" 2>/dev/null) == 1 ]]
}

copy_primary() {
	echo "replica: copying the primary"
	rm -rf "$PGDATA" "$PGDATA.new"
	ask_primary "SELECT pg_drop_replication_slot('replica') FROM pg_replication_slots
		WHERE slot_name = 'replica' AND NOT active" >/dev/null
	ask_primary "SELECT pg_create_physical_replication_slot('replica', true)
		WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'replica')" >/dev/null
	mkdir -m 700 "$PGDATA.new"
	pg_basebackup -D "$PGDATA.new" -d "$SOURCE" -R -S replica -X stream --checkpoint=fast
	mv "$PGDATA.new" "$PGDATA"
}

(umask 077 && echo "*:*:*:replicator:$REPLICATOR_PASSWORD" >"$PGDATA.pgpass")
if [[ ! -f $PGDATA/PG_VERSION ]] || place_is_lost; then
	copy_primary
fi
exec postgres -c config_file=/etc/sluice/container.conf -c "primary_conninfo=$SOURCE" \
	-c primary_slot_name=replica -c cluster_name=replica

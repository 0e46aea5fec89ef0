# shellcheck shell=bash
# The PostgreSQL primary and its streaming replica.
#
# Primary: database `sluice`, loopback only, with a password. The users are the
# superuser `postgres`, `replicator` for the replica, and Sluice's three roles
# (secrets.sh, docs/operations.md). Replica: a base backup that follows by a slot.

PG_BIN=

# The programs of the version that made the data, or else the newest.
find_postgres() {
	local dir version
	if version=$(as_server cat "$DATA/primary/PG_VERSION" 2>/dev/null); then
		PG_BIN=/usr/lib/postgresql/$version/bin
		[[ -x $PG_BIN/postgres ]] ||
			die "the data was made by PostgreSQL $version, which is not installed: install it, or call compose/down --wipe"
		return 0
	fi
	for dir in /usr/lib/postgresql/*/bin; do
		[[ ! -x $dir/postgres ]] || PG_BIN=$dir
	done
	[[ -n $PG_BIN ]] || die "PostgreSQL is not installed"
}

# admin_url <port>: the superuser's, for tests and for what only he may do.
admin_url() {
	echo "postgresql://postgres:$(secret postgres)@127.0.0.1:$1/sluice"
}

# as_admin <port> <database> <psql arguments...>
as_admin() {
	local port=$1 database=$2
	shift 2
	PGPASSWORD=$(secret postgres) PGCONNECT_TIMEOUT=5 "$PG_BIN/psql" -X -q -A -t \
		-v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres -d "$database" "$@"
}

init_primary() {
	local dir=$DATA/primary.new
	rm -rf "$dir"
	mkdir "$dir"
	(umask 077 && secret postgres >"$dir.password")
	give_to_server "$dir" "$dir.password"
	say primary "creating the database cluster"
	as_server "$PG_BIN/initdb" -D "$dir" -U postgres --auth=reject --no-sync \
		--pwfile="$dir.password" --locale=C.UTF-8 --encoding=UTF8 --data-checksums \
		>>"$LOGS/primary.log" 2>&1
	rm "$dir.password"
	echo "include 'sluice.conf'" >>"$dir/postgresql.conf"
	mv "$dir" "$DATA/primary"
}

# The database and its users: may be repeated. What each role may do there is
# set by `migrate`.
create_database() {
	[[ ! -e $DATA/primary.roles ]] || return 0
	{
		roles_sql
		cat <<-'SQL'
			SELECT 'CREATE DATABASE sluice'
			 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'sluice') \gexec
			SELECT pg_create_physical_replication_slot('replica', true)
			 WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'replica');
		SQL
	} | as_admin "$SLUICE_STACK_PRIMARY_PORT" postgres >/dev/null
	rm -f "$DATA/primary.ready" "$DATA/migrated"
	touch "$DATA/primary.roles"
}

# run_postgres <part> <port> <more arguments...>
run_postgres() {
	local part=$1 port=$2 dir=$DATA/$1 option
	local -a options=()
	shift 2
	for option in $SLUICE_STACK_POSTGRES_OPTS; do
		options+=(-c "$option")
	done
	until_true 15 nobody_in "$dir" ||
		die "$part: a process still works in $dir"
	# Nobody is in there, so whatever runs under that pid is another program.
	rm -f "$dir/postmaster.pid"
	cp "$SLUICE_ROOT/compose/postgres/sluice.conf" "$SLUICE_ROOT/compose/postgres/pg_hba.conf" "$dir/"
	give_to_server "$dir/sluice.conf" "$dir/pg_hba.conf"
	spawn "$part" "$dir" "${AS_SERVER[@]}" "$PG_BIN/postgres" -D "$dir" -p "$port" \
		-c "cluster_name=$part" "${options[@]}" "$@"
}

start_primary() {
	find_postgres
	[[ -d $DATA/primary ]] || init_primary
	run_postgres primary "$SLUICE_STACK_PRIMARY_PORT"
}

finish_primary() {
	create_database
}

# The replica's place in the log is lost if it was away for too long.
replica_is_hopeless() {
	[[ $(as_admin "$SLUICE_STACK_PRIMARY_PORT" postgres -c \
		"SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'replica' AND wal_status = 'lost'" 2>/dev/null) == 1 ]]
}

replica_source() {
	echo "host=127.0.0.1 port=$SLUICE_STACK_PRIMARY_PORT user=replicator application_name=replica passfile='$DATA/replica.pgpass'"
}

init_replica() {
	local dir=$DATA/replica.new
	rm -rf "$dir"
	mkdir -m 700 "$dir"
	give_to_server "$dir" "$DATA/replica.pgpass"
	say replica "copying the primary"
	as_admin "$SLUICE_STACK_PRIMARY_PORT" postgres >/dev/null <<-'SQL'
		SELECT pg_drop_replication_slot('replica') FROM pg_replication_slots
		 WHERE slot_name = 'replica' AND NOT active;
		SELECT pg_create_physical_replication_slot('replica', true)
		 WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'replica');
	SQL
	as_server "$PG_BIN/pg_basebackup" -D "$dir" -d "$(replica_source)" -R -S replica \
		-X stream --checkpoint=fast --no-sync >>"$LOGS/replica.log" 2>&1
	mv "$dir" "$DATA/replica"
}

write_replica_password() {
	(umask 077 && echo "127.0.0.1:*:*:replicator:$(secret replicator)" >"$DATA/replica.pgpass")
	give_to_server "$DATA/replica.pgpass"
}

start_replica() {
	find_postgres
	write_replica_password
	if [[ -d $DATA/replica ]] && running primary && replica_is_hopeless; then
		say replica "too far behind to catch up: made anew"
		rm -rf "$DATA/replica"
	fi
	[[ -d $DATA/replica ]] || init_replica
	# The primary's port may have changed since the copy was made.
	run_postgres replica "$SLUICE_STACK_REPLICA_PORT" -c "primary_conninfo=$(replica_source)" \
		-c primary_slot_name=replica
}

healthy_primary() {
	[[ -n $PG_BIN ]] || find_postgres
	"$PG_BIN/pg_isready" -q -t 3 -h 127.0.0.1 -p "$SLUICE_STACK_PRIMARY_PORT" -U postgres -d sluice
}

# The replica answers, and follows the primary if there is one to follow.
healthy_replica() {
	[[ -n $PG_BIN ]] || find_postgres
	"$PG_BIN/pg_isready" -q -t 3 -h 127.0.0.1 -p "$SLUICE_STACK_REPLICA_PORT" -U postgres -d sluice || return 1
	running primary || return 0
	[[ $(as_admin "$SLUICE_STACK_REPLICA_PORT" postgres \
		-c 'SELECT status FROM pg_stat_wal_receiver' 2>/dev/null) == streaming ]]
}

stop_primary() {
	stop_process primary INT 40
}

stop_replica() {
	stop_process replica INT 40
}

#!/usr/bin/env bash
# What compose.yaml uses of the official entry point: as root it becomes postgres;
# an empty PGDATA becomes a cluster whose superuser has POSTGRES_PASSWORD, on which
# the scripts of /docker-entrypoint-initdb.d are run while nobody can connect.
set -euo pipefail

[[ ${1:-} == postgres ]] || exec "$@"

if ((EUID == 0)); then
	mkdir -p "$PGDATA"
	chown -R postgres "$PGDATA"
	chmod 700 "$PGDATA"
	exec gosu postgres "$0" "$@"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
	: "${POSTGRES_PASSWORD:?must be set for a new cluster}"
	read -r -a options <<<"${POSTGRES_INITDB_ARGS:-}"
	initdb -D "$PGDATA" -U postgres --pwfile=<(echo "$POSTGRES_PASSWORD") "${options[@]}"
	pg_ctl -D "$PGDATA" -w -o "$(printf '%q ' "${@:2}" -c listen_addresses= -p 5432)" start
	for script in /docker-entrypoint-initdb.d/*; do
		case $script in
		*.sh) bash "$script" ;;
		*.sql) psql -v ON_ERROR_STOP=1 -X -U postgres -f "$script" ;;
		esac
	done
	pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"

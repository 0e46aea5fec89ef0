# shellcheck shell=bash
# What every command of compose/ and tests/ starts with: strict mode, where the
# checkout is, how lines are printed, and who the servers run as.

set -euo pipefail
umask 022

SLUICE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck disable=SC2034 # for those who source this
readonly SLUICE_ROOT

# A client library must talk to this stack and to no other that the caller's
# environment names.
for name in ${!PG@} DATABASE_URL PRIMARY_DATABASE_URL REPLICA_DATABASE_URL REDIS_URL CLASSPATH; do
	unset "$name"
done
unset name

STARTED_AT=${EPOCHREALTIME/[.,]/}

# say <who> <text>: a line of progress, with the seconds since the command began.
say() {
	local us=$((${EPOCHREALTIME/[.,]/} - STARTED_AT))
	printf '%4d.%ds  %-10s %s\n' $((us / 1000000)) $((us / 100000 % 10)) "$1" "$2"
}

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# now_ms: a clock for deadlines.
now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# thin <who> <seconds>: passes on at most one line of stdin in so many seconds.
thin() {
	local line next=$((SECONDS + $2))
	while IFS= read -r line; do
		((SECONDS < next)) || {
			next=$((SECONDS + $2))
			say "$1" "${line:0:100}"
		}
	done
}

# PostgreSQL refuses to run as root, so root's servers run as another user.
AS_SERVER=()
use_server_user() {
	local user=$SLUICE_STACK_USER
	((EUID == 0)) || return 0
	id -u "$user" >/dev/null 2>&1 ||
		die "there is no user '$user' to run the servers as: set SLUICE_STACK_USER"
	AS_SERVER=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups)
}

# The daemons have no need of any right: they run as a user that nothing else
# runs as, without capabilities, and can get none. His number needs no account,
# so none is made.
AS_DAEMON=()
use_daemon_user() {
	local user=$SLUICE_STACK_DAEMON_USER group=$SLUICE_STACK_DAEMON_USER account
	AS_DAEMON=(setpriv --no-new-privs --pdeathsig=TERM)
	((EUID == 0)) || return 0
	if [[ $user == *[!0-9]* ]]; then
		group=$(id -g "$user" 2>/dev/null) ||
			die "there is no user '$user' to run the daemons as: set SLUICE_STACK_DAEMON_USER"
	elif account=$(getent passwd "$user"); then
		die "the number $user is that of the user ${account%%:*}: set SLUICE_STACK_DAEMON_USER to another number for the daemons, or to a name"
	fi
	# Libraries look for files in a home.
	AS_DAEMON=(env HOME=/nonexistent "${AS_DAEMON[@]}" "--reuid=$user" "--regid=$group" --clear-groups --inh-caps=-all
		--ambient-caps=-all --bounding-set=-all)
	# shellcheck disable=SC2034 # read by the other files
	DAEMON_OWNER=$user:$group
}

# as_server <command...>: runs it as the user of the servers, who may not be able
# to see the folder that we are in.
as_server() {
	env -C / "${AS_SERVER[@]}" "$@"
}

# give_to_server <path...>: hands files over to the user of the servers.
give_to_server() {
	((EUID == 0)) || return 0
	chown -R "$SLUICE_STACK_USER:$(id -g "$SLUICE_STACK_USER")" "$@"
}

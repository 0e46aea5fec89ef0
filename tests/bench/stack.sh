# shellcheck shell=bash
# What the benchmarks share: a stack of their own, one run at a time, and an end
# that leaves nothing. Sourced after BENCH_PARTS, the stack's parts, and
# BENCH_POSTGRES_OPTS are set; BENCH_COLLECTIONS, the folder of the declarations, may
# be.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# A stack of its own, on ports below those that the kernel gives to clients. It
# hears of nothing that was set for another one; and a daemon takes every other
# SLUICE_* for its own configuration.
for name in ${!SLUICE_@}; do
	case $name in
	SLUICE_BENCH_*) export -n "${name?}" ;;
	SLUICE_CACHE_DIR) ;;
	*) unset "$name" ;;
	esac
done
BASE=${SLUICE_BENCH_PORT_BASE:-24000}
export SLUICE_STACK_DIR=${SLUICE_BENCH_STACK:-build/bench-stack}
export SLUICE_STACK_PARTS=$BENCH_PARTS
export SLUICE_STACK_PORT_BASE=$BASE
export SLUICE_STACK_POSTGRES_OPTS=$BENCH_POSTGRES_OPTS
[[ -z ${BENCH_COLLECTIONS:-} ]] || export SLUICE_STACK_COLLECTIONS=$BENCH_COLLECTIONS
[[ -z ${SLUICE_BENCH_BIN:-} ]] || export SLUICE_BIN_DIR=$SLUICE_BENCH_BIN
[[ -z ${SLUICE_BENCH_KAFKA_HEAP:-} ]] || export SLUICE_STACK_KAFKA_HEAP=$SLUICE_BENCH_KAFKA_HEAP
# shellcheck source=compose/lib/stack.sh
. "$HERE/../../compose/lib/stack.sh"
export SLUICE_STACK_DIR=$STACK
for name in ${!SLUICE_STACK_@} SLUICE_BIN_DIR SLUICE_CACHE_DIR; do export "${name?}"; done

# number <option> <value> [digits]
number() {
	local digits=${3:-7}
	[[ $2 =~ ^[1-9][0-9]*$ && ${#2} -le $digits ]] ||
		die "$1 takes a number of up to $digits digits, not '$2'"
	echo "$2"
}

# One run at a time in a folder. What a killed one left goes first, and nothing
# is left at the end.
claim() {
	mkdir -p "${STACK%/*}"
	exec 8>"$STACK.lock"
	flock -n 8 || die "another benchmark works in $STACK"
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	"$SLUICE_ROOT/compose/down" --wipe >/dev/null 8>&-
}

clean_up() {
	local status=$? pid
	trap '' INT TERM HUP
	set +e
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null && wait "$pid"
	done
	"$SLUICE_ROOT/compose/down" --wipe >/dev/null 8>&-
	exit "$status"
}

# in_turn <command...>: a child that a signal to this script can interrupt.
in_turn() {
	local status=0
	env --default-signal "$@" 8>&- &
	wait "$!" || status=$?
	return "$status"
}

# name=PID of each part, for --pids.
pids_of() {
	local part
	for part; do
		echo "$part=$(main_pid "$part")"
	done
}

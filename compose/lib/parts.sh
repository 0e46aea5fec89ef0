# shellcheck shell=bash
# The parts of a stack: what each needs, its port, and starting them in that
# order, side by side where neither needs the other. A part X has functions
# start_X, and unless it is one-shot healthy_X and stop_X.

declare -A NEEDS=(
	[primary]=''
	[replica]='primary'
	[redis]=''
	[kafka]=''
	[build]=''
	[migrate]='build primary kafka'
	[writer]='migrate'
	[projector]='migrate redis'
	[api]='migrate redis replica writer projector'
)
# In the order of the way of a write; stopped in the opposite one.
readonly PARTS=(primary replica redis kafka writer projector api)

# port_names <part>: the settings that hold its ports.
port_names() {
	case $1 in
	kafka) echo SLUICE_STACK_KAFKA_PORT SLUICE_STACK_CONTROLLER_PORT ;;
	api) echo SLUICE_STACK_API_PORT SLUICE_STACK_API_ADMIN_PORT ;;
	writer | projector) echo "SLUICE_STACK_${1^^}_ADMIN_PORT" ;;
	*) echo "SLUICE_STACK_${1^^}_PORT" ;;
	esac
}

is_part() {
	[[ " ${PARTS[*]} " == *" $1 "* ]]
}

need_part() {
	is_part "$1" || die "there is no part '$1': the parts are ${PARTS[*]}"
}

# with_needs <part...>: the parts and all that they need, each once, needs first.
with_needs() {
	local part need seen=' '
	visit() {
		[[ $seen != *" $1 "* ]] || return 0
		seen+="$1 "
		for need in ${NEEDS[$1]}; do visit "$need"; done
		echo "$1"
	}
	for part in "$@"; do visit "$part"; done
}

healthy() {
	running "$1" && "healthy_$1"
}

# lives <part> <deaths>: it runs, and has not ended by itself more often than that.
lives() {
	running "$1" && (($(deaths_of "$1") <= $2))
}

# healthy_or_dead <part> <deaths>: ends the wait for a part's health.
healthy_or_dead() {
	"healthy_$1" || ! lives "$@"
}

# wait_healthy <part> [deaths]: those that were before do not count.
wait_healthy() {
	local deaths=${2:-$(deaths_of "$1")}
	until_true "$SLUICE_STACK_TIMEOUT" healthy_or_dead "$1" "$deaths" || {
		say "$1" "not healthy after $SLUICE_STACK_TIMEOUT s"
		return 1
	}
	lives "$1" "$deaths" || {
		say "$1" "it ended"
		return 1
	}
}

# start_part <part>: until it is healthy; one that runs is left alone.
start_part() {
	local part=$1 name
	if running "$part"; then
		"healthy_$part" || say "$part" "runs, waiting for its health"
		wait_healthy "$part"
		! outdated "$part" ||
			say "$part" "runs an older build: compose/part restart $part"
		return 0
	fi
	begin_log "$part"
	for name in $(port_names "$part"); do
		need_port "$part" "$name"
	done
	say "$part" starting
	rm -f "$RUN/$part.deaths"
	"start_$part"
	wait_healthy "$part" 0 || {
		# What cannot start is not tried again and again.
		(($(deaths_of "$part") == 0)) || stop_process "$part" TERM 30
		return 1
	}
	[[ $part != primary ]] || finish_primary
	read -r name _ <<<"$(port_names "$part")"
	say "$part" "healthy, port ${!name}"
}

# run_step <part>: a part of the stack, or one of the one-shot steps. Runs in a
# subshell of its own, which ends at the first command that fails.
run_step() {
	case $1 in
	build | migrate) "start_$1" ;;
	*) start_part "$1" ;;
	esac
}

# What is shown of a failure: the end of the log of this start, if it has begun.
report_failure() {
	local -a lines
	case $1 in
	build) mapfile -t lines < <(build_errors) ;;
	*) mapfile -t lines < <(log_tail "$1" 30) ;;
	esac
	say "$1" FAILED
	printf '    %s\n' "${lines[@]}" "(its log: $LOGS/$1.log)"
}

# needs_are_done <part>: those of its needs that are to be started are there.
needs_are_done() {
	local need
	for need in ${NEEDS[$1]}; do
		[[ $STARTING != *" $need "* || $DONE == *" $need "* ]] || return 1
	done
}

# start_ready: begins each of WAITING that has what it needs.
start_ready() {
	local part
	local -a rest=()
	for part in "${WAITING[@]}"; do
		if needs_are_done "$part"; then
			run_step "$part" &
			JOBS[$!]=$part
		else
			rest+=("$part")
		fi
	done
	WAITING=("${rest[@]}")
}

# start_parts <part...>: each as soon as what it needs is there. After a failure
# nothing new is begun.
start_parts() {
	local pid status failed=''
	STARTING=" $* " DONE=' ' WAITING=("$@")
	declare -gA JOBS=()
	trap 'kill "${!JOBS[@]}" 2>/dev/null; wait; exit 130' INT TERM
	while :; do
		[[ -n $failed ]] || start_ready
		((${#JOBS[@]} > 0)) || break
		status=0
		wait -n -p pid "${!JOBS[@]}" || status=$?
		if ((status == 0)); then
			DONE+="${JOBS[$pid]} "
		else
			failed+=" ${JOBS[$pid]}"
			report_failure "${JOBS[$pid]}"
		fi
		unset "JOBS[$pid]"
	done
	trap - INT TERM
	[[ -z $failed ]] || die "failed:$failed"
}

# stop_parts <part...>: in the opposite order of a start, those that do not need
# each other together.
stop_parts() {
	local part group pid
	local -a stopping
	for group in 'api' 'writer projector' 'replica redis kafka' 'primary'; do
		stopping=()
		for part in $group; do
			[[ " $* " == *" $part "* ]] || continue
			"stop_$part" &
			stopping+=("$!")
		done
		for pid in "${stopping[@]}"; do wait "$pid"; done
	done
}

any_running() {
	local part
	for part in "${PARTS[@]}"; do
		! running "$part" || return 0
	done
	return 1
}

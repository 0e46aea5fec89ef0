# shellcheck shell=bash
# Processes that outlive the command that starts them: start, find, stop.
#
# A pid file holds the pid and the start time of the process (field 22 of
# /proc/PID/stat), so that a pid which the kernel gave to somebody else in the
# meantime is not taken for ours.

# start_time <pid>: prints it; fails for a process that is gone or a zombie.
start_time() {
	local stat
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	read -r -a stat <<<"${stat##*) }"
	[[ ${stat[0]} != [ZX] ]] || return 1
	echo "${stat[19]}"
}

# pid_of <part>: prints its pid; fails if it does not run.
pid_of() {
	local pid started
	{ read -r pid started <"$RUN/$1.pid"; } 2>/dev/null || return 1
	[[ $(start_time "$pid") == "$started" ]] || return 1
	echo "$pid"
}

# kept <part>: does a keeper (lib/keep) run it? Its pid is the keeper's then.
kept() {
	[[ " writer projector api " == *" $1 "* ]]
}

# main_pid <part>: of the program itself; fails while it does not run.
main_pid() {
	if kept "$1"; then
		pid_of "$1" >/dev/null && cat "$RUN/$1.main" 2>/dev/null
	else
		pid_of "$1"
	fi
}

# deaths_of <part>: how often it has ended by itself since it was started.
deaths_of() {
	local n
	{ n=$(wc -l <"$RUN/$1.deaths"); } 2>/dev/null || n=0
	echo "$n"
}

running() {
	pid_of "$1" >/dev/null
}

# begin_log <part>: notes where the log of this start begins. Logs grow over the
# runs: the last one is kept aside when it is large.
begin_log() {
	local log=$LOGS/$1.log size
	size=$(stat -c %s "$log" 2>/dev/null || echo 0)
	if ((size > 20000000)); then
		mv "$log" "$log.1"
		size=0
	fi
	echo "$size" >"$RUN/$1.from"
}

# spawn <part> <folder> <command...>: starts it in a session of its own, in the
# folder, its output in the part's log. Signals that a shell ignores for its
# background jobs are put back to their defaults; the mark of a test run is not
# passed on, since servers outlive the test that starts them.
spawn() {
	local part=$1 dir=$2 log=$LOGS/$1.log pid
	shift 2
	(
		cd "$dir" || exit 1
		exec 9>&- # the lock of the command, see with_lock
		exec setsid env --default-signal -u SLUICE_TEST_RUN "$@"
	) </dev/null >>"$log" 2>&1 &
	pid=$!
	echo "$pid $(start_time "$pid" || echo 0)" >"$RUN/$part.pid"
}

# log_tail <part> <lines>: the end of what it logged since its last start.
log_tail() {
	local from=0
	[[ -f $LOGS/$1.log ]] || return 0
	{ read -r from <"$RUN/$1.from"; } 2>/dev/null || true
	tail -c "+$((from + 1))" "$LOGS/$1.log" | tail -n "$2"
}

# until_true <seconds> <command...>: polls it.
until_true() {
	local deadline=$(($(now_ms) + $1 * 1000))
	shift
	until "$@"; do
		(($(now_ms) < deadline)) || return 1
		sleep 0.05
	done
}

not_running() {
	! running "$1"
}

# process_tree <pid>: the pid and those of its children, whose sessions may be
# their own (PostgreSQL's are).
process_tree() {
	local child
	local -a children
	echo "$1"
	read -r -d '' -a children < <(cat "/proc/$1/task/"*/children 2>/dev/null) || true
	for child in "${children[@]}"; do
		process_tree "$child"
	done
}

# signal_part <part> <signal>: to the part alone.
signal_part() {
	local pid
	pid=$(pid_of "$1") || return 0
	kill "-$2" "$pid" 2>/dev/null || true
}

# signal_tree <part> <signal>: to the part and its children.
signal_tree() {
	local pid each
	pid=$(pid_of "$1") || return 0
	for each in $(process_tree "$pid"); do
		kill "-$2" "$each" 2>/dev/null || true
	done
}

# stop_process <part> <signal> <seconds>: asks, waits, and then insists.
stop_process() {
	running "$1" || return 0
	signal_tree "$1" CONT
	signal_part "$1" "$2"
	until_true "$3" not_running "$1" || {
		say "$1" "did not stop in $3 s: killed"
		kill_process "$1"
	}
	rm -f "$RUN/$1.pid"
}

# stop_kept <part>: for good, and what was told of its deaths is forgotten.
stop_kept() {
	stop_process "$1" TERM 30
	rm -f "$RUN/$1.deaths" "$RUN/$1.main"
}

# kill_process <part>: at once, with its children.
kill_process() {
	signal_tree "$1" KILL
	until_true 10 not_running "$1" || die "$1 cannot be killed"
	rm -f "$RUN/$1.pid"
}

# nobody_in <folder>: true if no process has it as its working folder. A server
# works in its data folder, so this also sees the children of one that died.
nobody_in() {
	local dir link
	dir=$(readlink -f "$1")
	for link in /proc/[0-9]*/cwd; do
		[[ $(readlink "$link" 2>/dev/null) != "$dir" ]] || return 1
	done
}

# with_lock <command...>: one command at a time works on a stack.
with_lock() {
	[[ -w $STACK ]] || die "$STACK belongs to $(stat -c %U "$STACK"): call this as that user"
	exec 9>"$STACK/lock"
	flock -n 9 || {
		say stack "another command works on it: waiting"
		flock -w 300 9 || die "another command has worked on $STACK for 5 minutes"
	}
	"$@"
	exec 9>&-
}

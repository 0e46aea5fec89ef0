# shellcheck shell=bash
# Who listens on a TCP port: read from /proc, so that no tool is needed.

# listening <port>: is anybody?
listening() {
	local hex
	printf -v hex ':%04X ' "$1"
	# "local_address remote_address state": 0A is LISTEN.
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -qE "${hex}[0-9A-F]+:0000 0A"
}

# listener <port>: says who it is, as far as the caller may see it.
listener() {
	local hex inode link pid
	printf -v hex ':%04X ' "$1"
	inode=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		grep -E "${hex}[0-9A-F]+:0000 0A" | awk '{print $10; exit}')
	link=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" -print -quit 2>/dev/null || true)
	pid=${link#/proc/}
	pid=${pid%%/*}
	if [[ -n $pid ]]; then
		echo "pid $pid ($(cat "/proc/$pid/comm" 2>/dev/null || echo gone))"
	else
		echo "a process of another user"
	fi
}

# need_port <part> <variable>: its value must be free for the part to take.
need_port() {
	local port=${!2}
	[[ $port =~ ^[1-9][0-9]{0,4}$ ]] || die "$2=$port is not a port (1 to 65535)"
	! listening "$port" ||
		die "port $port, for $1, is taken by $(listener "$port"): stop that, or set $2 to a free port"
}

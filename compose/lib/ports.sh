# shellcheck shell=bash
# Who listens on a TCP port: read from /proc, so that no tool is needed.

# inode_of_listener <port>: of its socket; nothing if there is none. In the
# table, the second field is the local address and the state 0A is LISTEN.
inode_of_listener() {
	local hex
	printf -v hex '%04X' "$1"
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		awk -v port=":$hex\$" '$2 ~ port && $4 == "0A" { inode = $10 } END { print inode }'
}

# listening <port>: is anybody?
listening() {
	[[ -n $(inode_of_listener "$1") ]]
}

# listener <port>: says who it is, as far as the caller may see it.
listener() {
	local link pid
	link=$(find /proc/[0-9]*/fd -lname "socket:\[$(inode_of_listener "$1")\]" -print -quit 2>/dev/null || true)
	pid=${link#/proc/}
	pid=${pid%%/*}
	if [[ -n $pid ]]; then
		echo "pid $pid ($(cat "/proc/$pid/comm" 2>/dev/null || echo gone))"
	else
		echo "a process of another user"
	fi
}

# need_port <part> <variable>: its value must be free for the part to take. What
# was killed may have its sockets for a moment longer: the kernel takes down a
# large process bit by bit.
need_port() {
	local port=${!2} try
	[[ $port =~ ^[1-9][0-9]{0,4}$ ]] || die "$2=$port is not a port (1 to 65535)"
	for ((try = 0; try < 50; try++)); do
		listening "$port" || return 0
		[[ $(listener "$port") != pid* ]] || break
		sleep 0.1
	done
	! listening "$port" ||
		die "port $port, for $1, is taken by $(listener "$port"): stop that, or set $2 to a free port"
}

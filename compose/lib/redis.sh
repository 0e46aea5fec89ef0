# shellcheck shell=bash
# Redis. Debian's redis-tools holds the server too, under the name of its
# checker: the name that it is called by decides what it does. So the package
# redis-server, which brings a service, is not needed.

redis_server() {
	local server=$DATA/redis-server checker
	if command -v redis-server; then
		return 0
	fi
	checker=$(readlink -f "$(command -v redis-check-rdb)") || die "Redis is not installed"
	ln -sfn "$checker" "$server"
	echo "$server"
}

start_redis() {
	local server
	server=$(redis_server)
	mkdir -p "$DATA/redis"
	cp "$SLUICE_ROOT/compose/redis/redis.conf" "$DATA/redis/redis.conf"
	redis_users >>"$DATA/redis/redis.conf"
	give_to_server "$DATA/redis"
	spawn redis "$DATA/redis" "${AS_SERVER[@]}" "$server" "$DATA/redis/redis.conf" \
		--port "$SLUICE_STACK_REDIS_PORT" --dir "$DATA/redis"
}

healthy_redis() {
	[[ $(REDISCLI_AUTH=$(secret redis) redis-cli -h 127.0.0.1 -p "$SLUICE_STACK_REDIS_PORT" ping 2>/dev/null) == PONG ]]
}

stop_redis() {
	stop_process redis TERM 30
}

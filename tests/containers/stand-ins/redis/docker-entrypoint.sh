#!/bin/sh
# What compose.yaml uses of the official entry point: as root it becomes redis.
set -eu
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	chown -R redis .
	exec gosu redis "$@"
fi
exec "$@"

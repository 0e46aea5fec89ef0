# shellcheck shell=bash
# The settings of a stack: one table, from which come the defaults, the
# help and what is remembered while a stack runs.
#
# A setting comes from the environment, else from the last `compose/up` of the
# stack (so that compose/status and the others need not be told again), else
# from the table.

settings_table() {
	cat <<-'END'
		SLUICE_STACK_DIR|.stack|folder of the stack, relative to the checkout
		SLUICE_STACK_PARTS|primary replica redis kafka writer projector api|the parts to start when none is given
		SLUICE_STACK_PORT_BASE||for a stack beside another one: every port that is not given is this number plus the last three digits of its default
		SLUICE_STACK_USER|postgres|the user that the servers run as when root starts them
		SLUICE_STACK_DAEMON_USER|10001|the user (a name, or a number without an account) that the daemons run as when root starts them
		SLUICE_STACK_PROJECT|sluice|in containers: the name of the project
		SLUICE_STACK_PROFILES|single|in containers: the profiles of compose/compose.yaml
		SLUICE_STACK_COLLECTIONS|common/collections|folder of the declarations (docs/collections.md)
		SLUICE_STACK_API_ADDRESS|127.0.0.1|address that the HTTP API listens on; 0.0.0.0: on all of them
		SLUICE_STACK_API_PORT|8080|port of the HTTP API
		SLUICE_STACK_API_SETTINGS||not in containers: file with more settings of the api, for example auth.keys
		SLUICE_STACK_API_ADMIN_PORT|8081|admin port of the api
		SLUICE_STACK_WRITER_ADMIN_PORT|8082|admin port of the writer
		SLUICE_STACK_PROJECTOR_ADMIN_PORT|8083|admin port of the projector
		SLUICE_STACK_PRIMARY_PORT|25432|port of the PostgreSQL primary
		SLUICE_STACK_REPLICA_PORT|25433|port of the PostgreSQL replica
		SLUICE_STACK_REDIS_PORT|26379|port of Redis
		SLUICE_STACK_KAFKA_PORT|29092|port of Kafka
		SLUICE_STACK_CONTROLLER_PORT|29093|port of Kafka's controller
		SLUICE_STACK_KAFKA_2_PORT|29094|in containers: port of the second broker
		SLUICE_STACK_KAFKA_3_PORT|29096|in containers: port of the third broker
		SLUICE_STACK_PROMETHEUS_PORT|9090|in containers: port of Prometheus
		SLUICE_STACK_GRAFANA_PORT|3000|in containers: port of Grafana
		SLUICE_STACK_POSTGRES_OPTS||more PostgreSQL settings, as "name=value name=value"
		SLUICE_STACK_KAFKA_HEAP|-Xms512m -Xmx512m -Xmn384m|heap of Kafka's Java machine, and more options of it
		SLUICE_STACK_TIMEOUT|60|seconds that a part has to become healthy
		SLUICE_BIN_DIR|build/release|folder of the daemons; another one than this is not built
		SLUICE_CACHE_DIR||folder of the downloaded Kafka and Swagger UI
	END
}

settings_help() {
	local name default text
	echo "Settings, by environment variable:"
	echo
	while IFS='|' read -r name default text; do
		printf '  %-34s %s%s\n' "$name" "$text" "${default:+ [$default]}"
	done < <(settings_table)
}

# absolute <path>: a path of the checkout unless it begins with a slash.
absolute() {
	case $1 in
	/*) echo "$1" ;;
	*) echo "$SLUICE_ROOT/$1" ;;
	esac
}

default_cache_dir() {
	if ((EUID == 0)); then
		echo /var/cache/sluice # the servers' user cannot see root's home
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/sluice"
	fi
}

# remembered <name>: the value in use by the stack, if it was noted down.
remembered() {
	local line
	[[ -r $STACK/settings ]] || return 1
	while IFS= read -r line; do
		if [[ ${line%%=*} == "$1" ]]; then
			echo "${line#*=}"
			return 0
		fi
	done <"$STACK/settings"
	return 1
}

# Without links: the servers' user may not be able to go through the stack's folder.
find_data() {
	# shellcheck disable=SC2034 # read by the other files
	DATA=$(readlink -m "$STACK/data")
}

# default_of <name> <default>: ports may begin somewhere else.
default_of() {
	if [[ $1 == *_PORT && -n ${SLUICE_STACK_PORT_BASE:-} ]]; then
		echo $((SLUICE_STACK_PORT_BASE + $2 % 1000))
	else
		echo "$2"
	fi
}

# Sets every setting, and STACK, LOGS, RUN, DATA and BIN from them.
load_settings() {
	local name default text value
	STACK=$(absolute "${SLUICE_STACK_DIR:-.stack}")
	while IFS='|' read -r name default text; do
		if [[ -n ${!name:-} ]]; then
			value=${!name}
		elif ! value=$(remembered "$name"); then
			value=$(default_of "$name" "$default")
		fi
		printf -v "$name" %s "$value"
		# A daemon takes SLUICE_* for its own configuration.
		export -n "${name?}"
	done < <(settings_table)
	SLUICE_CACHE_DIR=$(absolute "${SLUICE_CACHE_DIR:-$(default_cache_dir)}")
	BIN=$(absolute "$SLUICE_BIN_DIR")
	SLUICE_STACK_COLLECTIONS=$(absolute "$SLUICE_STACK_COLLECTIONS")
	[[ -z $SLUICE_STACK_API_SETTINGS ]] || SLUICE_STACK_API_SETTINGS=$(absolute "$SLUICE_STACK_API_SETTINGS")
	LOGS=$STACK/log RUN=$STACK/run
	# shellcheck disable=SC2034 # read by the other files
	readonly STACK LOGS RUN BIN
	find_data
}

# A stack that runs keeps the settings that it was started with.
check_settings_unchanged() {
	local name default text old
	while IFS='|' read -r name default text; do
		case $name in
		*_PORT | *_PORT_BASE | SLUICE_STACK_COLLECTIONS) ;;
		*) continue ;;
		esac
		old=$(remembered "$name") || continue
		[[ $old == "${!name}" ]] ||
			die "this stack runs with $name=$old: call compose/down before you change it to ${!name}"
	done < <(settings_table)
}

save_settings() {
	local name default text
	while IFS='|' read -r name default text; do
		case $name in
		SLUICE_STACK_DIR | SLUICE_STACK_PARTS | SLUICE_STACK_TIMEOUT) ;;
		*) printf '%s=%s\n' "$name" "${!name}" ;;
		esac
	done < <(settings_table) >"$STACK/settings.new"
	chmod 600 "$STACK/settings.new"
	mv "$STACK/settings.new" "$STACK/settings"
}

forget_settings() {
	rm -f "$STACK/settings"
}

# primary_url [role]: without one, that of api and projector.
primary_url() {
	local role=${1:-sluice_reader}
	echo "postgresql://$role:$(secret "$role")@127.0.0.1:$SLUICE_STACK_PRIMARY_PORT/sluice"
}

replica_url() {
	echo "postgresql://sluice_reader:$(secret sluice_reader)@127.0.0.1:$SLUICE_STACK_REPLICA_PORT/sluice"
}

redis_url() {
	echo "redis://sluice:$(secret redis_sluice)@127.0.0.1:$SLUICE_STACK_REDIS_PORT"
}

kafka_servers() {
	echo "127.0.0.1:$SLUICE_STACK_KAFKA_PORT"
}

# shellcheck shell=bash
# Sluice itself: the build, the one-shot migration, and the three daemons, each
# with a configuration file in the stack's folder.

BUILD_LOG=$LOGS/build.log

# build_sluice <folder> <targets> [cmake option...]: incremental; the folder's name is
# the preset (CMakePresets.json). A folder that was configured for another checkout, or
# by another generator, is made anew; one of another preset is configured again.
build_sluice() {
	local dir=$1 cache=$1/CMakeCache.txt options
	local -a targets
	read -r -a targets <<<"$2"
	shift 2
	options="$(sha256sum <"$SLUICE_ROOT/CMakePresets.json") $*"
	mkdir -p "$dir"
	(
		flock 6
		if [[ -f $cache ]] && ! { grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$SLUICE_ROOT" "$cache" &&
			grep -qxF CMAKE_GENERATOR:INTERNAL=Ninja "$cache"; }; then
			say build "$dir is of another checkout or generator: made anew"
			find "$dir" -mindepth 1 ! -name .lock -delete
		fi
		if [[ ! -f $dir/build.ninja || $(cat "$dir/options" 2>/dev/null) != "$options" ]]; then
			say build "configuring ${dir#"$SLUICE_ROOT"/}"
			cmake -S "$SLUICE_ROOT" -B "$dir" --preset "${dir##*/}" "$@" >"$BUILD_LOG" 2>&1
			echo "$options" >"$dir/options"
		fi
		cmake --build "$dir" -j "$(nproc)" --target "${targets[@]}" 2>&1 | tee "$BUILD_LOG" | thin build 3
	) 6>"$dir/.lock"
}

# build_errors: what the compiler had to say, without what went well before.
build_errors() {
	[[ -f $BUILD_LOG ]] || return 0
	if grep -q ^FAILED "$BUILD_LOG"; then
		sed -n '/^FAILED/,$p' "$BUILD_LOG" | grep -v '^\[' | head -n 60
	else
		tail -n 40 "$BUILD_LOG"
	fi
}

start_build() {
	if [[ $BIN != "$SLUICE_ROOT/build/release" ]]; then
		[[ -x $BIN/sluice-api ]] || die "there is no sluice-api in SLUICE_BIN_DIR=$BIN"
		return 0
	fi
	build_sluice "$BIN" 'sluice-api sluice-writer sluice-projector'
}

# A daemon's own folder, which only its user may look into.
folder_of() {
	echo "$DATA/daemons/$1"
}

conf_of() {
	echo "$(folder_of "$1")/$1.conf"
}

# program_of <daemon>
program_of() {
	if ((EUID == 0)); then
		echo "$(folder_of "$1")/sluice-$1"
	else
		echo "$BIN/sluice-$1"
	fi
}

# make_folder <daemon>: with its configuration. The checkout of root may be closed
# to the daemons' user, so that he gets copies of the program and the declarations.
make_folder() {
	local folder
	folder=$(folder_of "$1")
	COLLECTIONS=$SLUICE_STACK_COLLECTIONS
	use_daemon_user
	mkdir -p "$folder"
	chmod 700 "$folder"
	rm -f "$STACK/$1.conf" # where it was before
	if ((EUID == 0)); then
		install -m 755 "$BIN/sluice-$1" "$folder/new"
		mv "$folder/new" "$folder/sluice-$1"
		rm -rf "$folder/collections"
		cp -rL "$SLUICE_STACK_COLLECTIONS" "$folder/collections"
		chmod -R u=rwX,go=rX "$folder/collections"
		COLLECTIONS=$folder/collections
	fi
	(umask 077 && daemon_config "$1" >"$(conf_of "$1")")
	((EUID != 0)) || chown "$DAEMON_OWNER" "$folder" "$(conf_of "$1")"
}

# daemon_config <daemon>, or <migrate>: prints it.
daemon_config() {
	local port role=sluice_reader
	echo "# Written by compose. The environment and the flags of the daemon override it."
	case $1 in
	writer | migrate)
		port=$SLUICE_STACK_WRITER_ADMIN_PORT
		role=sluice_$1
		;;
	projector)
		port=$SLUICE_STACK_PROJECTOR_ADMIN_PORT
		echo "replica.urls = $(replica_url)"
		echo "audit.instances = 127.0.0.1:$SLUICE_STACK_API_ADMIN_PORT"
		;;
	api)
		port=$SLUICE_STACK_API_ADMIN_PORT
		echo "http.listen = $SLUICE_STACK_API_ADDRESS:$SLUICE_STACK_API_PORT"
		echo "replica.urls = $(replica_url)"
		echo "docs.dir = $(page_home)"
		echo "writer.admin = 127.0.0.1:$SLUICE_STACK_WRITER_ADMIN_PORT"
		[[ -z $SLUICE_STACK_API_SETTINGS ]] || cat "$SLUICE_STACK_API_SETTINGS"
		;;
	esac
	echo "admin.listen = 127.0.0.1:$port"
	echo "collections.dir = $COLLECTIONS"
	echo "primary.url = $(primary_url "$role")"
	[[ $role != sluice_reader ]] || echo "redis.url = $(redis_url)"
	echo "kafka.bootstrap.servers = $(kafka_servers)"
}

# The daemons take their addresses from the file: what the caller's environment
# says of them is for another deployment.
WITHOUT=(env -u SLUICE_HTTP_LISTEN -u SLUICE_ADMIN_LISTEN -u SLUICE_PRIMARY_URL
	-u SLUICE_REPLICA_URLS -u SLUICE_REDIS_URL -u SLUICE_KAFKA_BOOTSTRAP_SERVERS)

# As the owner of the tables, whose password is in no file that stays.
migrate() {
	local conf status=0
	conf=$(folder_of writer)/migrate.conf
	make_folder writer
	[[ -n $PG_BIN ]] || find_postgres
	: >"$LOGS/migrate.log"
	"${WITHOUT[@]}" "${AS_DAEMON[@]}" "$(program_of writer)" "--config=$(conf_of writer)" --migrate --grants 2>>"$LOGS/migrate.log" |
		as_admin "$SLUICE_STACK_PRIMARY_PORT" sluice -1 >>"$LOGS/migrate.log" 2>&1
	(umask 077 && daemon_config migrate >"$conf")
	((EUID != 0)) || chown "$DAEMON_OWNER" "$conf"
	"${WITHOUT[@]}" "${AS_DAEMON[@]}" "$(program_of writer)" "--config=$conf" --migrate \
		>>"$LOGS/migrate.log" 2>&1 || status=$?
	rm "$conf"
	return "$status"
}

# Done again if the program or a declaration is newer than the last time.
start_migrate() {
	[[ ! $DATA/migrated -nt $BIN/sluice-writer ||
		-n $(find -H "$SLUICE_STACK_COLLECTIONS" -newer "$DATA/migrated" -print -quit 2>/dev/null) ]] || return 0
	rm -f "$DATA/migrated"
	migrate
	touch "$DATA/migrated"
}

start_daemon() {
	make_folder "$1"
	spawn "$1" "$(folder_of "$1")" "${WITHOUT[@]}" "$SLUICE_ROOT/compose/lib/keep" "$RUN" "$1" \
		"${AS_DAEMON[@]}" "$(program_of "$1")" "--config=$(conf_of "$1")"
}

ready() {
	curl -sf -o /dev/null --noproxy '*' -m 5 "http://127.0.0.1:$1/readyz"
}

health_of_api() {
	curl -s --noproxy '*' -m 5 "http://127.0.0.1:$SLUICE_STACK_API_PORT/health"
}

start_writer() { start_daemon writer; }
start_projector() { start_daemon projector; }
start_api() {
	fetch_page
	start_daemon api
}

healthy_writer() { ready "$SLUICE_STACK_WRITER_ADMIN_PORT"; }
healthy_projector() { ready "$SLUICE_STACK_PROJECTOR_ADMIN_PORT"; }
healthy_api() {
	ready "$SLUICE_STACK_API_ADMIN_PORT" && [[ $(health_of_api) == *'"status"'*'"healthy"'* ]]
}

stop_writer() { stop_kept writer; }
stop_projector() { stop_kept projector; }
stop_api() { stop_kept api; }

# outdated <part>: does it run a program that has been built anew since?
outdated() {
	local pid
	pid=$(main_pid "$1") || return 1
	if ((EUID == 0)) && kept "$1"; then
		[[ $BIN/sluice-$1 -nt $(program_of "$1") ]]
	else
		[[ $(readlink "/proc/$pid/exe") == *' (deleted)' ]]
	fi
}

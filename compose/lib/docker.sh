# shellcheck shell=bash
# The stack in containers: compose.yaml by Docker Compose. The parts are its
# services, the data is in volumes; the stack's folder only remembers what was
# chosen (`kind`: docker or native, until `compose/down --wipe`).

WHY= # of the choice between the two

stack_kind() {
	cat "$STACK/kind" 2>/dev/null
}

in_docker() {
	[[ $(stack_kind) == docker ]]
}

# dc <arguments...>: Docker Compose with the settings of this stack. Every profile
# is on: what is started is said by its name or by up_profiles.
dc() (
	local name value
	for name in ${!SLUICE_STACK_@}; do export "${name?}"; done
	while IFS='=' read -r name value; do
		export "$name=$value"
	done < <(secret_variables)
	# On a port that others reach, everybody may do everything only if that was said;
	# it has any name.
	[[ $SLUICE_STACK_API_ADDRESS == 127.* ]] ||
		export SLUICE_AUTH_MODE=${SLUICE_AUTH_MODE:-auto} SLUICE_HTTP_HOSTS=${SLUICE_HTTP_HOSTS-}
	exec docker compose -p "$SLUICE_STACK_PROJECT" -f "$SLUICE_ROOT/compose/compose.yaml" "$@"
)

# docker_exec <service> <command...>: in its container; with a terminal if there is one.
docker_exec() {
	local -a how=()
	[[ -t 0 && -t 1 ]] || how=(-T)
	dc exec "${how[@]}" "$@"
	exit
}

dc_all() {
	dc --profile '*' "$@"
}

# The options for the profiles that were chosen.
up_profiles() {
	local profile
	for profile in $SLUICE_STACK_PROFILES; do
		echo --profile
		echo "$profile"
	done
}

# The machine's own CA certificates: packages may come through a proxy that has
# its own. Compose passes them to the build.
give_certificates() {
	[[ -z ${SLUICE_CA_CERTIFICATES+set} ]] || return 0
	SLUICE_CA_CERTIFICATES=$(find /usr/local/share/ca-certificates -name '*.crt' -exec cat {} + 2>/dev/null || true)
	export SLUICE_CA_CERTIFICATES
}

# ---- the choice ----

# image_there <image>: or it can be pulled.
image_there() {
	! docker image inspect "$1" >/dev/null 2>&1 || return 0
	say docker "pulling $1"
	docker pull -q "$1" >>"$LOGS/docker.log" 2>&1
}

# foreign_images <part...>: the images that are not built here, the one that they
# are built on included; of these parts and what they need, or of all.
foreign_images() {
	local -a profiles
	mapfile -t profiles < <(up_profiles)
	dc "${profiles[@]}" config --images "$@" | grep -v '^sluice-' | sort -u
	dc "${profiles[@]}" config --format json | sed -n 's/^ *"BASE": "\(.*\)",*$/\1/p' | sort -u
}

# can_docker <part...>: false: WHY says what is missing.
can_docker() {
	local image
	if ! command -v docker >/dev/null; then
		WHY="there is no docker command"
	elif ! docker info >/dev/null 2>&1; then
		WHY="no Docker engine answers"
	elif ! docker compose version >/dev/null 2>&1; then
		WHY="there is no \`docker compose\` (version 2)"
	else
		for image in $(foreign_images "$@"); do
			image_there "$image" || {
				WHY="the image $image is not there and cannot be pulled"
				return 1
			}
		done
		WHY="an engine and \`docker compose\` answer, and the images are there"
		return 0
	fi
	return 1
}

# choose_kind <docker|native|''> <part...>: what is forced, else what this stack is, else
# Docker where it can be; sets KIND.
choose_kind() {
	local old
	old=$(stack_kind || true)
	[[ -n $old || ! -e $STACK/data ]] || old=native
	if [[ -n $1 && -n $old && $1 != "$old" ]]; then
		die "the data of this stack is $old: compose/down --wipe deletes it, then --$1 makes another"
	fi
	KIND=${1:-$old}
	if [[ -n $1 ]]; then
		WHY="as it was asked for"
	elif [[ -n $old ]]; then
		WHY="as this stack was made"
	elif can_docker "${@:2}"; then
		KIND=docker
	else
		KIND=native
	fi
	if [[ $KIND == docker && $WHY != *answer* ]]; then
		local asked=$WHY
		can_docker "${@:2}" || die "the stack cannot run in containers: $WHY"
		WHY=$asked
	fi
	case $KIND in
	docker) say stack "in containers ($WHY)" ;;
	native) say stack "as processes of this machine ($WHY)" ;;
	esac
}

# ---- commands ----

# The images of others that are none of theirs (tests/containers/base-images).
say_stand_ins() {
	local image label
	for image in $(foreign_images "$@"); do
		label=$(docker image inspect -f '{{index .Config.Labels "sluice.stand-in"}}' "$image" 2>/dev/null || true)
		[[ -z $label || $label == '<no value>' ]] ||
			say docker "$image is a STAND-IN, not the official image"
	done
}

# A stack of a version before secrets.sh: its database has passwords that everybody
# knows. Inside of the container the superuser needs none.
docker_passwords() {
	local known=$STACK/secrets/containers
	if [[ ! -e $known ]] && docker volume inspect "${SLUICE_STACK_PROJECT}_primary" >/dev/null 2>&1; then
		say docker "setting the passwords of the database"
		dc up -d --wait --wait-timeout $((4 * SLUICE_STACK_TIMEOUT)) primary >"$LOGS/docker.log" 2>&1
		{
			roles_sql
			echo "ALTER ROLE postgres PASSWORD '$(secret postgres)';"
		} | dc exec -T -u postgres primary psql -X -q -v ON_ERROR_STOP=1 -U postgres -d postgres >>"$LOGS/docker.log"
	fi
	touch "$known"
}

# docker_up <part...>: without any, what the profiles have.
docker_up() {
	local -a profiles
	mkdir -p "$STACK" "$LOGS"
	make_secrets
	echo docker >"$STACK/kind"
	save_settings
	give_certificates
	say_stand_ins "$@"
	mapfile -t profiles < <(up_profiles)
	say docker "building the images"
	dc "${profiles[@]}" build "$@" >"$LOGS/docker-build.log" 2>&1 || {
		tail -n 30 "$LOGS/docker-build.log" >&2
		die "the images could not be built (the log: $LOGS/docker-build.log)"
	}
	docker_passwords
	say docker starting
	dc "${profiles[@]}" up -d --wait --wait-timeout $((4 * SLUICE_STACK_TIMEOUT)) "$@" >"$LOGS/docker.log" 2>&1 || {
		tail -n 5 "$LOGS/docker.log" >&2
		docker_status >&2 || true
		show_unhealthy >&2
		die "not all parts became healthy: compose/logs shows why"
	}
}

docker_down() {
	local -a wipe=()
	[[ $1 != --wipe ]] || wipe=(--volumes)
	dc_all down "${wipe[@]}" --remove-orphans >"$LOGS/docker.log" 2>&1 || {
		tail -n 5 "$LOGS/docker.log" >&2
		die "Docker Compose could not stop it"
	}
}

# containers: service|state|status|name|ports, of every part that was made.
containers() {
	docker ps -a --filter "label=com.docker.compose.project=$SLUICE_STACK_PROJECT" \
		--format '{{.Label "com.docker.compose.service"}}|{{.State}}|{{.Status}}|{{.Names}}|{{.Ports}}' | sort
}

docker_status() {
	local part state status name ports all=0
	[[ -n $(containers) ]] || die "nothing runs: compose/up starts it"
	printf '%-16s %-10s %-28s %s\n' PART STATE CONTAINER PORTS
	while IFS='|' read -r part state status name ports; do
		case $state:$status in
		exited:*'(0)'*) state="done" ;;
		running:*'(healthy)'*) state=healthy ;;
		running:*'('*) state=unhealthy ;;
		esac
		[[ $state == @(healthy|running) || $state == "done" && $part == @(roles|migrate*) ]] || all=1
		printf '%-16s %-10s %-28s %s\n' "$part" "$state" "$name" \
			"$(grep -oE ':[0-9]+->' <<<"$ports" | tr -d ':>-' | sort -u | tr '\n' ' ' || true)"
	done < <(containers)
	return "$all"
}

# The ends of the logs of those that run and are not healthy, or have failed.
show_unhealthy() {
	local part state status name ports
	while IFS='|' read -r part state status name ports; do
		[[ $state == created || $status == *'(healthy)'* || $status == *'(0)'* ]] || {
			printf '%s (%s):\n' "$part" "$status"
			docker logs --tail 15 "$name" 2>&1 | sed 's/^/    /'
		}
	done < <(containers)
}

# wait_container <part>: until it is healthy, or runs if it has no check.
wait_container() {
	until_true "$SLUICE_STACK_TIMEOUT" container_well "$1" ||
		die "$1 is not healthy after $SLUICE_STACK_TIMEOUT s"
}

container_well() {
	local line
	line=$(containers | grep "^$1|running|") && [[ $line != *'(unhealthy)'* && $line != *'starting)'* ]]
}

# container_of <part>: its id.
container_of() {
	local id
	id=$(docker ps -aq --filter "label=com.docker.compose.project=$SLUICE_STACK_PROJECT" \
		--filter "label=com.docker.compose.service=$1")
	[[ -n $id ]] || die "there is no part '$1' in this stack: compose/status shows them"
	echo "$id"
}

# docker_part <what> <part>: as compose/part says. Of one part alone: what it needs
# is not asked for.
docker_part() {
	local id
	id=$(container_of "$2")
	case $1 in
	start | restart)
		docker "$1" "$id" >/dev/null
		wait_container "$2"
		say "$2" healthy
		;;
	stop | kill | pause) docker "$1" "$id" >/dev/null ;;
	resume) docker unpause "$id" >/dev/null ;;
	pid) docker inspect -f '{{.State.Pid}}' "$id" ;;
	wait) wait_container "$2" ;;
	*) die "compose/part $1: not understood (compose/part without arguments shows what is)" ;;
	esac
}

docker_logs() {
	if (($# == 0)); then
		dc_all logs -f --tail 10
	else
		dc_all logs -f --tail 100 "$1"
	fi
}

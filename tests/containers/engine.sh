# shellcheck shell=bash
# A Docker engine for tests: the one that answers, or one of our own for as long as
# the script runs; `docker compose`; and base images of Debian where none can be
# pulled. Sourced after compose/lib/common.sh and packages.sh.

ENGINE_DIR= # of an engine of our own: its socket, data and log
ENGINE_PID=
# The release of Docker Compose that is built where there is no package of it.
COMPOSE_MODULE=github.com/docker/compose/v2/cmd@v2.32.4

engine_answers() {
	docker info >/dev/null 2>&1
}

# engine_need: installs what an engine needs, the client included.
engine_need() {
	need_packages engine
	# Debian 13 has the client in a package of its own.
	command -v docker >/dev/null || "$SLUICE_ROOT/compose/lib/install-packages" docker-cli
}

# engine_start <folder>: returns when one answers; DOCKER_HOST says where. Fails,
# and says why, if no engine can be had here.
engine_start() {
	local i
	! engine_answers || return 0
	((EUID == 0)) || {
		say docker "no engine answers, and only root can start one"
		return 1
	}
	ENGINE_DIR=$1
	mkdir -p "$ENGINE_DIR"
	say docker "no engine answers: starting one"
	export DOCKER_HOST=unix://$ENGINE_DIR/docker.sock
	ls /sys/class/net/docker0 >/dev/null 2>&1 || touch "$ENGINE_DIR/own-bridge"
	setsid dockerd --host "$DOCKER_HOST" --data-root "$ENGINE_DIR/docker" --exec-root "$ENGINE_DIR/exec" \
		--pidfile "$ENGINE_DIR/docker.pid" >"$ENGINE_DIR/dockerd.log" 2>&1 &
	ENGINE_PID=$!
	for ((i = 0; i < 300; i++)); do
		! engine_answers || return 0
		kill -0 "$ENGINE_PID" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 20 "$ENGINE_DIR/dockerd.log" >&2
	say docker "the engine did not start"
	return 1
}

# engine_stop: ends our own engine, and what it had; another one is left alone.
engine_stop() {
	[[ -n $ENGINE_PID ]] || return 0
	kill "$ENGINE_PID" 2>/dev/null || true
	wait "$ENGINE_PID" || true
	ENGINE_PID=
	[[ ! -e $ENGINE_DIR/own-bridge ]] || ip link delete docker0 2>/dev/null || true
	rm -rf "$ENGINE_DIR/own-bridge" "$ENGINE_DIR/docker" "$ENGINE_DIR/exec"
}

# engine_compose <folder>: `docker compose` of version 2 answers afterwards: what is
# there, Debian 13's package, or one that Go builds into the cache of checkouts.
engine_compose() {
	local config=$1/docker-config bin=$SLUICE_CACHE_DIR/docker-compose-${COMPOSE_MODULE##*@}
	! docker compose version >/dev/null 2>&1 || return 0
	if [[ $(apt-cache policy docker-compose 2>/dev/null) == *'Candidate: 2.'* ]]; then
		"$SLUICE_ROOT/compose/lib/install-packages" docker-compose
		return 0
	fi
	if [[ ! -x $bin ]]; then
		command -v go >/dev/null ||
			die "there is no \`docker compose\`: install its plugin, or Go 1.22 to build it"
		say docker "building docker compose ${COMPOSE_MODULE##*@}"
		GOBIN=$1/go-bin go install "$COMPOSE_MODULE"
		mkdir -p "$SLUICE_CACHE_DIR"
		mv "$1/go-bin/cmd" "$bin"
	fi
	mkdir -p "$config/cli-plugins"
	ln -sfn "$bin" "$config/cli-plugins/docker-compose"
	export DOCKER_CONFIG=$config
}

# debian_mirror: the one that this machine's own packages come from.
debian_mirror() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F '|' '$1 == "Debian" && $2 == "Debian" && !uri { uri = $3 } END { print uri }'
}

# debian_image <folder> <suite> <image> <more packages>: makes the image with
# debootstrap, from this machine's mirror and with its proxies. The folder keeps
# a tar of it. Fails, and says why, if the mirror does not give the packages.
debian_image() {
	local dir=$1 suite=$2 image=$3 more=$4 root tar from
	root=$dir/root-$suite tar=$dir/base-$suite${4:+-$4}.tar
	if [[ ! -f $tar ]]; then
		say "$suite" "making the base image"
		rm -rf "$root"
		mkdir -p "$dir"
		from=$(debian_mirror)
		# shellcheck disable=SC2086 # none, if apt does not know one
		debootstrap --variant=minbase ${more:+--include="$more"} "$suite" "$root" $from \
			>"$dir/debootstrap-$suite.log" 2>&1 || {
			tail -n 20 "$dir/debootstrap-$suite.log" >&2
			say "$suite" "debootstrap failed"
			return 1
		}
		apt-config dump | grep -iE '^Acquire::[a-z]+::Proxy' >"$root/etc/apt/apt.conf.d/90proxy" || true
		# As in Debian's own images: apt keeps nothing that it can make again.
		echo 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";' >"$root/etc/apt/apt.conf.d/90no-cache"
		rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*.log
		tar -C "$root" -c . >"$tar.new"
		rm -rf "$root"
		mv "$tar.new" "$tar"
	fi
	docker import --change 'LABEL sluice.stand-in=debian' "$tar" "$image" >/dev/null
}

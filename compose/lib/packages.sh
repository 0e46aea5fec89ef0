# shellcheck shell=bash
# The Debian packages that Sluice needs, and installing those that are missing
# without touching a service of the machine (lib/install-packages does that as
# root). Sourced after common.sh.

# packages_for build|run|test|coverage|fuzz|bench|engine|page|package: their names.
packages_for() {
	case $1 in
	build) echo gcc libc6-dev cmake ninja-build pkgconf libmicrohttpd-dev \
		librdkafka-dev libpq-dev libhiredis-dev libuv1-dev libjansson-dev \
		libxxhash-dev libpcre2-dev libssl-dev libgnutls28-dev \
		libcurl4-openssl-dev zlib1g-dev libcmocka-dev ;;
	# curl and python3 are what the README's next commands need.
	run) echo postgresql redis-tools default-jre-headless maven curl python3 ;;
	# prometheus is there for promtool; mono-mcs and what follows compile a client in C#.
	test) echo openssl python3 python3-venv shellcheck spin lua5.1 clang-tidy chromium nodejs npm \
		prometheus golang-go mono-mcs libmono-system-net-http4.0-cil libmono-system-web4.0-cil \
		libmono-system-runtime-serialization4.0-cil \
		libmono-system-componentmodel-dataannotations4.0-cil ;;
	coverage) echo gcovr ;;
	fuzz) echo clang libclang-rt-dev ;;
	bench) echo wrk nginx-light ;;
	engine) echo docker.io debootstrap ;;
	page) echo default-jre-headless maven ;;
	package) echo dpkg-dev file git help2man ;;
	*) die "packages_for: no such purpose: $1" ;;
	esac
}

# provided <package>: is what we want of it here by other means?
provided() {
	local file
	case $1 in
	postgresql)
		for file in /usr/lib/postgresql/*/bin/postgres; do
			[[ ! -x $file ]] || return 0
		done
		return 1
		;;
	default-jre-headless) java_is_new_enough ;;
	maven) command -v mvn >/dev/null ;;
	docker.io) command -v dockerd >/dev/null || docker info >/dev/null 2>&1 ;;
	clang | clang-tidy | curl | gcovr | python3 | wrk | shellcheck | debootstrap | npm) command -v "$1" >/dev/null ;;
	nodejs) command -v node >/dev/null ;;
	golang-go) command -v go >/dev/null ;;
	prometheus) command -v promtool >/dev/null ;;
	nginx-light) [[ -x /usr/sbin/nginx ]] ;;
	*) return 1 ;;
	esac
}

# Kafka 4 needs Java 17.
java_is_new_enough() {
	local version
	command -v java >/dev/null || return 1
	version=$(java -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p')
	((${version:-0} >= 17))
}

# missing_packages <package...>: those that are not installed, one to a line.
missing_packages() {
	local package installed
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
		sed -n 's/^installed //p') || true
	for package in "$@"; do
		grep -qxF "$package" <<<"$installed" || provided "$package" || echo "$package"
	done
}

# root_command: prints how to become root, nothing if we are; fails if we cannot.
root_command() {
	((EUID != 0)) || return 0
	command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
	echo sudo -n
}

# need_packages <purpose...>: installs what is missing for them.
need_packages() {
	local purpose become
	local -a wanted=() missing=()
	for purpose in "$@"; do
		read -r -a wanted <<<"${wanted[*]} $(packages_for "$purpose")"
	done
	command -v dpkg-query >/dev/null ||
		die "this is not Debian: install what these packages are there: ${wanted[*]}"
	mapfile -t missing < <(missing_packages "${wanted[@]}")
	((${#missing[@]} > 0)) || return 0
	become=$(root_command) ||
		die "these packages are missing, and only root can install them:

    apt-get install --no-install-recommends ${missing[*]}

(or call this as root, or with a sudo that asks for no password: then it
installs them itself, without starting a service of the machine)"
	say packages "installing ${#missing[@]}: ${missing[*]}"
	# shellcheck disable=SC2086 # two words or none
	$become env http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
		no_proxy="${no_proxy:-}" \
		"$SLUICE_ROOT/compose/lib/install-packages" "${missing[@]}" | thin packages 4
	say packages "installed"
}

# shellcheck shell=bash
# OpenAPI Generator for the tests (tests/generators), in a folder that checkouts share.
# Sourced after compose/lib/common.sh.

# The folder is named after the versions, so a change gets a new one.
generators_home() {
	local sum
	sum=$(cat "$SLUICE_ROOT"/tests/generators/{pom.xml,go.mod,go.sum,fetch} | sha256sum)
	echo "$SLUICE_CACHE_DIR/generators-${sum:0:8}"
}

fetch_generators() {
	local home
	home=$(generators_home)
	[[ ! -d $home ]] || return 0
	say generators "fetching OpenAPI Generator by Maven"
	"$SLUICE_ROOT/tests/generators/fetch" "$home" >"$LOGS/generators.log" 2>&1 ||
		die "OpenAPI Generator could not be fetched: $LOGS/generators.log"
}

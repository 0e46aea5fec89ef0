# shellcheck shell=bash
# The tables of programs that nobody here wrote (tests/schemas), by Maven, in a folder
# that checkouts share. Sourced after compose/lib/common.sh.

# The folder is named after the versions, so a change gets a new one.
schemas_home() {
	local sum
	sum=$(cat "$SLUICE_ROOT/tests/schemas/pom.xml" "$SLUICE_ROOT/tests/schemas/fetch" | sha256sum)
	echo "$SLUICE_CACHE_DIR/schemas-${sum:0:8}"
}

fetch_schemas() {
	local home
	home=$(schemas_home)
	[[ ! -d $home ]] || return 0
	say schemas "fetching the tables of other programs by Maven"
	"$SLUICE_ROOT/tests/schemas/fetch" "$home" >"$LOGS/schemas.log" 2>&1 ||
		die "the tables of other programs could not be fetched: $LOGS/schemas.log"
}

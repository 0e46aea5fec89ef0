# shellcheck shell=bash
# What the tests need from the npm registry, in folders that checkouts share: tests/oidc
# is an OpenID provider, tests/clients generates and compiles TypeScript. Sourced after
# compose/lib/common.sh.

# npm_home NAME: the folder of what tests/NAME/package-lock.json lists. It is named
# after the versions, so a change gets a new one.
npm_home() {
	local sum
	sum=$(sha256sum <"$SLUICE_ROOT/tests/$1/package-lock.json")
	echo "$SLUICE_CACHE_DIR/$1-${sum:0:8}"
}

# fetch_npm NAME: of just the versions and sums of package-lock.json.
fetch_npm() {
	local home new
	home=$(npm_home "$1")
	[[ ! -d $home ]] || return 0
	say "$1" "fetching what tests/$1/package.json names by npm"
	mkdir -p "${home%/*}"
	new=$(mktemp -d "$home.XXXXXX")
	cp "$SLUICE_ROOT/tests/$1"/package*.json "$new"
	(cd "$new" && npm ci --no-audit --no-fund --ignore-scripts) >"$LOGS/npm-$1.log" 2>&1 || {
		rm -rf "$new"
		die "the packages of tests/$1 could not be fetched: $LOGS/npm-$1.log"
	}
	chmod 755 "$new"
	mv -T "$new" "$home" 2>/dev/null || rm -rf "$new" # another was quicker
}

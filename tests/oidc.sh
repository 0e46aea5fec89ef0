# shellcheck shell=bash
# The OpenID provider of the tests (tests/oidc), from the npm registry, in a folder
# that checkouts share. Sourced after compose/lib/common.sh.

# The folder is named after the versions, so a change gets a new one.
oidc_home() {
	local sum
	sum=$(sha256sum <"$SLUICE_ROOT/tests/oidc/package-lock.json")
	echo "$SLUICE_CACHE_DIR/oidc-${sum:0:8}"
}

# fetch_oidc: of just the versions and sums of package-lock.json.
fetch_oidc() {
	local home new
	home=$(oidc_home)
	[[ ! -d $home ]] || return 0
	say oidc "fetching oidc-provider by npm"
	mkdir -p "${home%/*}"
	new=$(mktemp -d "$home.XXXXXX")
	cp "$SLUICE_ROOT"/tests/oidc/package*.json "$new"
	(cd "$new" && npm ci --no-audit --no-fund --ignore-scripts) >"$LOGS/oidc.log" 2>&1 || {
		rm -rf "$new"
		die "oidc-provider could not be fetched: $LOGS/oidc.log"
	}
	chmod 755 "$new"
	mv -T "$new" "$home" 2>/dev/null || rm -rf "$new" # another was quicker
}

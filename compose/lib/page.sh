# shellcheck shell=bash
# The page that /docs shows: the files of Swagger UI, in a folder that checkouts
# share. Sourced after common.sh.

# The folder is named after what fetches it, so a change gets a new one.
page_home() {
	local sum
	sum=$(cat "$SLUICE_ROOT/compose/page/pom.xml" "$SLUICE_ROOT/compose/page/fetch" | sha256sum)
	echo "$SLUICE_CACHE_DIR/page-${sum:0:8}"
}

# Without it everything works but /docs, which then says so.
fetch_page() {
	local home
	home=$(page_home)
	[[ ! -d $home ]] || return 0
	say page "fetching Swagger UI by Maven, for /docs"
	"$SLUICE_ROOT/compose/page/fetch" "$home" >>"$LOGS/page.log" 2>&1 ||
		say page "could not be fetched (compose/logs page): /docs will say so"
}

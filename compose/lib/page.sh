# shellcheck shell=bash
# What the pages of the api use: the files of Swagger UI and uPlot, in a folder that
# checkouts share. Sourced after common.sh.

# The folder is named after what fetches it, so a change gets a new one.
page_home() {
	local sum
	sum=$(cat "$SLUICE_ROOT/compose/page/pom.xml" "$SLUICE_ROOT/compose/page/fetch" | sha256sum)
	echo "$SLUICE_CACHE_DIR/page-${sum:0:8}"
}

# Without it everything works but /docs, which then says so, and the plots of the
# console.
fetch_page() {
	local home
	home=$(page_home)
	[[ ! -d $home ]] || return 0
	say page "fetching Swagger UI and uPlot by Maven, for /docs and the console"
	"$SLUICE_ROOT/compose/page/fetch" "$home" >>"$LOGS/page.log" 2>&1 ||
		say page "could not be fetched (compose/logs page): /docs will say so, and the console has no plots"
}

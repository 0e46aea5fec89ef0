# shellcheck shell=bash
# The daemons of the version before, for the tests of versions that meet
# (tests/integration/recovery/test_upgrade.py), in a folder that checkouts share.
# Sourced after compose/lib/common.sh.

# While there is no release: the commit before formats had numbers.
FORMER_COMMIT=492240855afc7501c019fd655b131ba8ec7c8c47

# former_version: the newest release behind HEAD, or that commit.
former_version() {
	git -c safe.directory='*' -C "$SLUICE_ROOT" describe --tags --abbrev=0 HEAD^ 2>/dev/null ||
		echo "$FORMER_COMMIT"
}

# former_home: nothing, if the history is not there.
former_home() {
	local commit
	commit=$(git -c safe.directory='*' -C "$SLUICE_ROOT" rev-parse --verify -q \
		"$(former_version)^{commit}" 2>/dev/null) || return 0
	echo "$SLUICE_CACHE_DIR/former-${commit:0:8}"
}

# build_former: its three programs, quickly, not optimized.
build_former() {
	local home new
	home=$(former_home)
	new=$home.new
	[[ -n $home && ! -d $home ]] || return 0
	say former "building the daemons of the version before"
	rm -rf "$new"
	mkdir -p "$new/source"
	{
		git -c safe.directory='*' -C "$SLUICE_ROOT" archive "$(former_version)" | tar -x -C "$new/source"
		cmake -S "$new/source" -B "$new/build" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS=-O0 &&
			ninja -C "$new/build" sluice-api sluice-writer sluice-projector
	} >"$LOGS/former.log" 2>&1 || die "the version before does not build: $LOGS/former.log"
	mkdir "$new/bin"
	mv "$new"/build/sluice-{api,writer,projector} "$new/bin"
	mv "$new/bin" "$home"
	rm -rf "$new"
}

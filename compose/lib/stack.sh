# shellcheck shell=bash
# The folder of a stack, and all the files of this library in their order.
#
#   kind    docker or native        log/     one log per part
#   secrets/   the passwords (0700)
#   data    the servers' files (or a link to them)
#   run/    pid files               settings what it was started with
#   data/daemons/    a folder for each daemon: its configuration

LIB=$(dirname "${BASH_SOURCE[0]}")
for file in common settings; do
	# shellcheck source=/dev/null
	. "$LIB/$file.sh"
done
load_settings
for file in secrets packages process ports postgres redis kafka page daemons parts docker; do
	# shellcheck source=/dev/null
	. "$LIB/$file.sh"
done
unset file

# The servers' user may not be able to look into the folder of the checkout
# (/root is closed, for one): then the data lives elsewhere, with a link to it.
make_data_folder() {
	local elsewhere
	[[ ! -d $STACK/data ]] || return 0
	rm -f "$STACK/data" # a link into nothing
	if as_server test -x "$STACK"; then
		mkdir "$STACK/data"
	else
		mkdir -p /var/lib/sluice
		elsewhere=$(mktemp -d /var/lib/sluice/XXXXXXXX)
		chmod 755 "$elsewhere"
		echo "$STACK" >"$elsewhere/belongs-to"
		ln -s "$elsewhere" "$STACK/data"
	fi
	find_data
}

make_stack() {
	mkdir -p "$STACK" "$LOGS" "$RUN"
	use_server_user
	make_data_folder
	make_secrets
}

# For commands on a stack that is there.
open_stack() {
	[[ -d $RUN ]] || die "there is no stack in $STACK: compose/up makes one"
	((EUID != 0)) || ! id -u "$SLUICE_STACK_USER" >/dev/null 2>&1 || use_server_user
}

wipe_data() {
	rm -rf "$DATA" "$STACK/data" "$STACK/secrets"
	rmdir /var/lib/sluice 2>/dev/null || true
}

# shellcheck shell=bash
# Python for the tests, in build/venv, made anew when tests/requirements.txt
# changes. Sourced after compose/lib/common.sh.

VENV=$SLUICE_ROOT/build/venv

make_venv() {
	local wanted have='' requirements=$SLUICE_ROOT/tests/requirements.txt
	wanted=$(sha256sum "$requirements" | cut -d ' ' -f 1)
	{ read -r have <"$VENV/made-from"; } 2>/dev/null || true
	[[ $have != "$wanted" ]] || return 0
	say python "making build/venv"
	rm -rf "$VENV"
	mkdir -p "${VENV%/*}"
	/usr/bin/python3 -m venv "$VENV"
	if [[ -z ${PIP_CERT:-} && -f /etc/ssl/certs/ca-certificates.crt ]]; then
		export PIP_CERT=/etc/ssl/certs/ca-certificates.crt
	fi
	"$VENV/bin/pip" install -q --disable-pip-version-check --no-input -r "$requirements"
	echo "$wanted" >"$VENV/made-from"
}

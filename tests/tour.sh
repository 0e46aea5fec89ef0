# shellcheck shell=bash
# The README's five minutes as a newcomer types them, and what each command must
# answer. Sourced after compose/lib/common.sh.

# In their order.
readonly ANSWERS=('"success":true' '"cache_level":"DB"' '"cache_level":"L1"' 'healthy'
	'"cache_level":"L2"' 'HTTP/1.1 200' 'Ada Lovelace' '-' 'Countess' 'HTTP/1.1 204'
	'rows loaded' 'id: ')

# tour_commands: from the README's own text, one to a line; a backslash at the
# end of a line continues it.
tour_commands() {
	awk '/^## / { tour = /Five minutes/ } /^```/ { code = /sh$/; next }
		tour && code && sub(/\\$/, "") { begun = begun $0; next }
		tour && code { print begun $0; begun = "" }' "$SLUICE_ROOT/README.md"
}

# tour <port>: runs them (the last one has no end of its own) in one shell, in the folder of
# the checkout, against that port.
tour() {
	local command output i=0 said
	said=$(mktemp)
	cd "$SLUICE_ROOT" || return
	while IFS= read -r command; do
		echo "$ $command"
		command=${command/localhost:8080/localhost:$1}
		eval "${command/#curl /curl -s -m 10 }" >"$said" 2>&1 </dev/null || true
		output=$(<"$said")
		printf '%s\n' "$output"
		[[ -n ${ANSWERS[i]:-} && ${output//\": /\":} == *"${ANSWERS[i]}"* ]] ||
			die "expected ${ANSWERS[i]:-no more commands}"
		i=$((i + 1))
	done < <(tour_commands)
	rm "$said"
	((i == ${#ANSWERS[@]})) || die "the README has $i commands, ${#ANSWERS[@]} are known"
}

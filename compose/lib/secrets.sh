# shellcheck shell=bash
# The passwords of a stack. They are random, and made when the stack is started
# for the first time. Each is in a file of the folder secrets/ (0700), which only
# its owner may read (0600). `env` has all of them, for Docker Compose.

# The database roles: of --migrate, of the writer, of api and projector.
readonly ROLES=(sluice_migrate sluice_writer sluice_reader)
# Redis has two users: `default` may do all, `sluice` is the daemons'. `admin_token` is
# that of the admin listeners in containers, which are not on loopback.
readonly SECRETS=(postgres replicator "${ROLES[@]}" redis redis_sluice admin_token)

# secret <name>
secret() {
	cat "$STACK/secrets/$1"
}

# random_password: 192 random bits, of characters that need no quotes anywhere.
random_password() {
	head -c 24 /dev/urandom | base64 | tr '+/' '-_'
}

# keep_secret <name>: from standard input, unless it is there.
keep_secret() {
	local file=$STACK/secrets/$1 new=$STACK/secrets/$1.$BASHPID
	(umask 077 && cat >"$new")
	mv -n "$new" "$file"
	rm -f "$new"
}

# redis_hash <name>: what Redis is told of that password.
redis_hash() {
	printf %s "$(secret "$1")" | sha256sum | cut -d ' ' -f 1
}

# redis_users: as its configuration has them. The daemons have only the commands and
# the keys that they need (compose.yaml says the same).
redis_users() {
	echo "user default on #$(redis_hash redis) ~* &* +@all"
	echo "user sluice on #$(redis_hash redis_sluice) ~sluice:* resetchannels -@all" \
		"+@read +@write +@connection -@dangerous -@scripting +evalsha +script|load"
}

# secret_variables: NAME=value of each, as compose.yaml names them. Before they are
# made there is nothing that they open.
secret_variables() {
	local name variable hash=none
	for name in "${SECRETS[@]}"; do
		variable=${name#sluice_}_password
		variable=${variable/token_password/token}
		echo "SLUICE_${variable^^}=$(secret "$name" 2>/dev/null || echo none)"
	done
	for name in redis redis_sluice; do
		[[ ! -e $STACK/secrets/$name ]] || hash=$(redis_hash "$name")
		echo "SLUICE_${name^^}_HASH=$hash"
	done
}

# A stack of a version before this one: its superuser's password is kept; the
# others are set when it starts.
adopt_secrets() {
	[[ ! -d $STACK/secrets ]] || return 0
	! any_running ||
		die "this stack was started by a version that had no secrets: call compose/down, then compose/up (the data stays)"
	[[ ! -r $DATA/primary.password ]] || OLD_PASSWORD=$(cat "$DATA/primary.password")
}

make_secrets() {
	local name OLD_PASSWORD=''
	adopt_secrets
	mkdir -p "$STACK/secrets"
	chmod 700 "$STACK/secrets"
	[[ -z $OLD_PASSWORD ]] || keep_secret postgres <<<"$OLD_PASSWORD"
	rm -f "$DATA/primary.password"
	for name in "${SECRETS[@]}"; do
		[[ -s $STACK/secrets/$name ]] || random_password | keep_secret "$name"
	done
	(umask 077 && {
		echo "COMPOSE_PROFILES=${SLUICE_STACK_PROFILES// /,}"
		secret_variables
	} >"$STACK/secrets/env")
}

# roles_sql: for psql, by the superuser: the users of the database and of the
# replica, with their passwords. May be repeated. The user `sluice`, of versions
# before, had a password that everybody knows.
roles_sql() {
	local role
	for role in replicator "${ROLES[@]}"; do
		cat <<-SQL
			SELECT 'CREATE ROLE $role'
			 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$role') \gexec
			ALTER ROLE $role LOGIN PASSWORD '$(secret "$role")';
		SQL
	done
	cat <<-'SQL'
		ALTER ROLE replicator REPLICATION;
		SELECT 'ALTER ROLE sluice NOLOGIN PASSWORD NULL'
		 WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'sluice') \gexec
	SQL
}

/* sluice-api --new-key NAME --role ROLE: makes an API key and the entry of the
 * key file that belongs to it (common/access/api_keys.h).
 */
#pragma once

#include "common/access/api_keys.h"
#include "common/daemon/daemon.h"

enum { NEW_KEY_ROLES_MOST = 64 };

/* As the command line gives it; borrowed texts. */
struct new_key {
	const char *name; /* NULL: --new-key was not given */
	const char *roles[NEW_KEY_ROLES_MOST];
	size_t nroles;
	bool too_many_roles;
	const char *subject, *expires; /* NULL: not given */
};

enum { NEW_KEY_OPTIONS = 4 };
/* The options of the command line, which fill `k`. */
void new_key_options(
    struct new_key *k, struct daemon_option out[NEW_KEY_OPTIONS]);
/* Without --new-key, the other options are an error. */
struct err new_key_check_alone(const struct new_key *k);
/* Appends both. The error names the argument (pure core). */
struct err new_key_make(const struct new_key *k, wall_us_t now,
    const unsigned char random[API_KEYS_RANDOM], struct buf *key,
    struct buf *json);
/* Prints both to standard output, one line each. `file`: the key file, which
 * must not have the name yet; "": none. Returns the exit code. */
int new_key_print(const struct new_key *k, const char *file);

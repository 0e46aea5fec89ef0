#include "api/access/new_key.h"

#include "common/access/roles.h"
#include "common/base/check.h"
#include "common/base/units.h"
#include "common/base/utf8.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_BAD_ARGUMENT = 2 };

/* --- the command line ---------------------------------------------------- */

static void take_name(void *arg, const char *value)
{
	((struct new_key *)arg)->name = value;
}

static void take_role(void *arg, const char *value)
{
	struct new_key *k = arg;
	k->too_many_roles = k->nroles == NEW_KEY_ROLES_MOST;
	if (!k->too_many_roles)
		k->roles[k->nroles++] = value;
}

static void take_subject(void *arg, const char *value)
{
	((struct new_key *)arg)->subject = value;
}

static void take_expires(void *arg, const char *value)
{
	((struct new_key *)arg)->expires = value;
}

void new_key_options(
    struct new_key *k, struct daemon_option out[NEW_KEY_OPTIONS])
{
	out[0] = (struct daemon_option){"new-key", "NAME", take_name, k,
	    "print a new API key and its entry for the key file, then exit"};
	out[1] = (struct daemon_option){"role", "ROLE", take_role, k,
	    "with --new-key: a role of the key; may be given several times"};
	out[2] = (struct daemon_option){"subject", "SUBJECT", take_subject, k,
	    "with --new-key: who the key acts as; without it: key:NAME"};
	out[3] = (struct daemon_option){"expires", "DURATION", take_expires, k,
	    "with --new-key: how long the key is valid, e.g. 90d"};
}

struct err new_key_check_alone(const struct new_key *k)
{
	const char *given = k->nroles	 ? "role"
			    : k->subject ? "subject"
			    : k->expires ? "expires"
					 : NULL;
	if (k->name || given == NULL)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "argument '--%s': only with --new-key (--help)", given);
}

/* --- one key ------------------------------------------------------------- */

static struct err bad_argument(
    const char *name, const char *value, const char *allowed)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "argument '--%s' has the bad value '%s'; allowed: %s", name, value,
	    allowed);
}

static struct err check_key_roles(const struct new_key *k)
{
	if (k->nroles == 0 || k->too_many_roles)
		return err_make(ERR_KIND_FATAL, "config",
		    "argument '--new-key': needs --role ROLE, at most %d times",
		    NEW_KEY_ROLES_MOST);
	for (size_t i = 0; i < k->nroles; i++) {
		if (!role_name_valid(k->roles[i], strlen(k->roles[i])))
			return bad_argument("role", k->roles[i],
			    "a lower-case letter, then lower-case letters, "
			    "digits, _ and -, up to 63 characters");
	}
	return ERR_OK;
}

static struct err read_lifetime(
    const struct new_key *k, wall_us_t now, int64_t *expires)
{
	dur_us_t lifetime;
	*expires = INT64_MAX;
	if (k->expires == NULL)
		return ERR_OK;
	if (!units_parse_duration(k->expires, &lifetime) ||
	    lifetime < CLOCK_S(1) || lifetime > CLOCK_S(INT64_C(86400) * 36500))
		return bad_argument("expires", k->expires,
		    "a duration from 1s to 36500d, e.g. 90d");
	*expires = (now + lifetime) / CLOCK_S(1);
	return ERR_OK;
}

struct err new_key_make(const struct new_key *k, wall_us_t now,
    const unsigned char random[API_KEYS_RANDOM], struct buf *key,
    struct buf *json)
{
	struct api_keys_entry entry = {
	    .id = k->name,
	    .roles = k->roles,
	    .nroles = k->nroles,
	    .subject = k->subject,
	};
	if (!api_keys_id_valid(k->name, strlen(k->name)))
		return bad_argument("new-key", k->name,
		    "lower-case letters, digits and -, up to 63 characters");
	struct err e = check_key_roles(k);
	if (e.kind == ERR_KIND_OK)
		e = read_lifetime(k, now, &entry.expires);
	if (e.kind != ERR_KIND_OK)
		return e;
	size_t len = k->subject ? strlen(k->subject) : 1;
	if (len == 0 || len > API_KEYS_SUBJECT_MAX ||
	    (k->subject && !utf8_valid(k->subject, len)))
		return bad_argument(
		    "subject", k->subject, "UTF-8 of 1 to 256 bytes");
	api_keys_make(&entry, random, key, json);
	return ERR_OK;
}

/* --- the command --------------------------------------------------------- */

static struct err check_new_name(const char *name, const char *file)
{
	struct api_keys *keys;
	if (*file == '\0' || access(file, F_OK) != 0)
		return ERR_OK;
	struct err e = api_keys_load(file, true, &keys);
	if (e.kind == ERR_KIND_OK && api_keys_has(keys, name))
		e = err_make(ERR_KIND_FATAL, "config",
		    "%s: there is a key with the id %s already", file, name);
	api_keys_release(&keys);
	return e;
}

int new_key_print(const struct new_key *k, const char *file)
{
	unsigned char random[API_KEYS_RANDOM];
	struct buf key = {0}, json = {0};
	CHECK(RAND_priv_bytes(random, sizeof random) == 1);
	struct err e = new_key_make(k, clock_wall(), random, &key, &json);
	if (e.kind == ERR_KIND_OK)
		e = check_new_name(k->name, file);
	if (e.kind == ERR_KIND_OK) {
		fprintf(stderr,
		    "The first line is the key. It is shown only now. The "
		    "second line is its\nentry for the list \"keys\" in the "
		    "file of auth.keys.\n");
		printf("%s\n%s\n", key.data, json.data);
	} else {
		fprintf(stderr, "sluice-api: %s\n", e.msg);
	}
	OPENSSL_cleanse(random, sizeof random);
	if (key.data)
		OPENSSL_cleanse(key.data, key.len);
	buf_free(&key);
	buf_free(&json);
	return e.kind == ERR_KIND_OK ? EXIT_SUCCESS : EXIT_BAD_ARGUMENT;
}

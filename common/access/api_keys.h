/* API keys (pure core, apart from reading the file).
 *
 * A key is `slk_<id>_<secret>`; the secret is 32 random bytes as base64url. The
 * key file has only its SHA-256, so who reads the file cannot use the key:
 *
 *   {"keys": [{"id": "ci", "sha256": "<64 hex digits>", "roles": ["editor"],
 *              "subject": "ci", "expires": "2027-01-31T00:00:00Z",
 *              "note": "the nightly import"}]}
 *
 * - id: lower-case letters, digits and `-`, up to 63 characters; unique.
 * - sha256: of the whole key, `slk_` included, as `sha256sum` prints it.
 * - certificate, instead of sha256: the subject of a client certificate
 *   (`CN=ci,O=acme`, RFC 4514), or one of its alternative names (`DNS:ci.acme`,
 *   `URI:…`, `email:…`, `IP:…`); unique.
 * - roles: at least one.
 * - subject: who the key acts as; optional, `key:<id>` if it is left out, or
 *   `certificate:<id>`.
 * - expires: RFC 3339 in UTC, to the second; optional.
 * - note: for people; optional.
 *
 * A set is immutable and counts its references; any thread may use it.
 */
#pragma once

#include "common/access/principal.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"

#include <stdbool.h>

#define API_KEYS_PREFIX "slk_"

struct api_keys;

enum { API_KEYS_BYTES_MOST = 8 << 20, API_KEYS_MOST = 20000 };
enum { API_KEYS_ID_MAX = 63, API_KEYS_SUBJECT_MAX = 256 };
enum { API_KEYS_RANDOM = 32 /* bytes */ };

/* Returns owned. The error says line and column, or which key, and why. A role
 * that nothing is granted to (common/access/roles.h) is an error, unless
 * `any_roles`; then the key does not get it. */
struct err api_keys_parse(
    const char *text, size_t len, bool any_roles, struct api_keys **out);
/* The error names the file, too. */
struct err api_keys_load(
    const char *path, bool any_roles, struct api_keys **out);
struct api_keys *api_keys_hold(struct api_keys *keys);
/* NULL is allowed. */
void api_keys_release(struct api_keys **keys);

/* Were both made of the same text? */
bool api_keys_same(const struct api_keys *a, const struct api_keys *b);
size_t api_keys_count(const struct api_keys *keys);
bool api_keys_has(const struct api_keys *keys, const char *id);

enum api_keys_fault {
	API_KEYS_OK,
	API_KEYS_MALFORMED, /* not the form of a key */
	API_KEYS_UNKNOWN,   /* no key has that id */
	API_KEYS_WRONG,	    /* the key of that id has another secret */
	API_KEYS_EXPIRED,
};

/* Who sends this key. *out: one reference, if the result is API_KEYS_OK. The
 * time that it takes does not depend on the secrets. */
enum api_keys_fault api_keys_find(const struct api_keys *keys, const char *key,
    size_t len, wall_us_t now, struct principal **out);

/* Who has a verified client certificate with these names. The first entry that
 * has one of them counts. API_KEYS_UNKNOWN or API_KEYS_EXPIRED: nobody. */
enum api_keys_fault api_keys_find_certificate(const struct api_keys *keys,
    const char *const *names, size_t n, wall_us_t now, struct principal **out);

/* --- making one ---------------------------------------------------------- */

bool api_keys_id_valid(const char *id, size_t len);

struct api_keys_entry {
	const char *id;
	const char *const *roles; /* valid names */
	size_t nroles;
	const char *subject; /* NULL: none is written */
	int64_t expires;     /* seconds since 1970; INT64_MAX: never */
};

/* Appends the key to `key`, and its entry of the key file to `json`. */
void api_keys_make(const struct api_keys_entry *e,
    const unsigned char random[API_KEYS_RANDOM], struct buf *key,
    struct buf *json);

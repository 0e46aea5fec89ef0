/* Who asks: made from a credential, never changed, shared by reference.
 *
 * Any thread may take and leave references.
 */
#pragma once

#include "common/access/claims.h"
#include "common/access/roles.h"

#include <stdint.h>

enum principal_kind {
	PRINCIPAL_ANONYMOUS,   /* no credential */
	PRINCIPAL_JWT,	       /* RFC 7519 */
	PRINCIPAL_KEY,	       /* an API key */
	PRINCIPAL_CERTIFICATE, /* a client certificate */
};

struct principal {
	enum principal_kind kind;
	role_set roles;
	/* Seconds since 1970; INT64_MAX: it does not expire. */
	int64_t expires;
	/* By index of common/access/claims.h; [0] is the subject. NULL: the
	 * credential does not have the claim, or its value is not a string. */
	char *claims[CLAIMS_MAX];
	/* The id of its API key, or of the entry of its certificate, for the
	 * audit log. NULL: none. */
	char *key;
};

/* Returns one reference, with no claims. */
struct principal *principal_new(
    enum principal_kind kind, role_set roles, int64_t expires);
/* Before the principal is shared: copies the value of a claim. */
void principal_claim(
    struct principal *p, size_t index, const char *value, size_t len);
/* Before the principal is shared: copies the id. NULL: none. */
void principal_name_key(struct principal *p, const char *id);
/* Takes one more reference. */
struct principal *principal_ref(struct principal *p);
/* Gives a reference back, and sets *p to NULL. *p may be NULL. */
void principal_unref(struct principal **p);
/* The subject; "": none. */
const char *principal_subject(const struct principal *p);
/* "jwt", … */
const char *principal_kind_name(enum principal_kind kind);

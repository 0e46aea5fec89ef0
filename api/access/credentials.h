/* Who sends a request: from the header fields of its credential to a principal,
 * or to a fault and what the answer says of it (RFC 6750).
 *
 *   Authorization: Bearer <token>    a JWT (common/access/jwt.h)
 *   Authorization: Bearer slk_…      an API key (common/access/api_keys.h)
 *   X-API-Key: slk_…                 the same
 *   a client certificate             an entry of the key file names it
 *
 * There is one credential at most: two lines, or both fields, are refused. One
 * that is not good is refused, also where nobody would need one. Without any,
 * the principal is the anonymous one.
 *
 * `struct credentials` is shared by all threads. Each request thread has a
 * `struct credentials_thread`, which remembers what it found good: then a
 * request costs one look-up by hash.
 */
#pragma once

#include "api/access/credentials_options.h"
#include "api/access/jwks_source.h"
#include "common/access/jwt.h"
#include "common/access/principal.h"
#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct credentials;
struct credentials_thread;

/* Main thread, after the roles and claims are known. Reads the key file and the
 * key set, or begins to fetch it. The error names setting, file, place, reason.
 */
struct err credentials_new(
    const struct credentials_options *o, struct credentials **out);
void credentials_free(struct credentials **c);
/* Is any credential accepted? */
bool credentials_configured(const struct credentials *c);

/* Main thread, for reload_add (common/daemon/reload.h); `arg` is the struct
 * credentials. If there is an error, everything stays as it was. */
struct err credentials_reload_keys(void *arg, bool *changed);
struct err credentials_reload_tokens(void *arg, bool *changed);
/* Main thread: to be called when declarations may name other roles and claims
 * than before. Forgets what was made of tokens: it has none of these. A key has
 * no role that was not known (common/access/api_keys.h), and no other claims.
 */
void credentials_forget(struct credentials *c);
/* Any thread: of the key set, for metrics; zeros if there is none. */
struct jwks_source_state credentials_jwks_state(const struct credentials *c);

/* Borrows. For one request thread. */
struct credentials_thread *credentials_thread_new(struct credentials *c);
void credentials_thread_free(struct credentials_thread **t);

/* The header fields of a request: the value of the first line, and the number
 * of lines. NULL and 0: it has none. */
enum { CREDENTIALS_NAMES = 32 };
struct credentials_given {
	const char *authorization, *api_key;
	size_t authorizations, api_keys;
	/* The names of the client's verified certificate: its subject, and its
	 * alternative names. They count if there is no header field. */
	const char *names[CREDENTIALS_NAMES];
	size_t nnames;
};

enum credentials_fault {
	CREDENTIALS_OK,
#define CREDENTIALS_FAULT(id, status, error, name, text) id,
#include "api/access/credentials.def"
#undef CREDENTIALS_FAULT
	CREDENTIALS_TOKEN, /* see `jwt` */
	CREDENTIALS_FAULTS
};

struct credentials_verdict {
	struct principal *principal; /* one reference; NULL: refused */
	enum credentials_fault fault;
	enum jwt_fault jwt; /* with CREDENTIALS_TOKEN */
};

/* `now` in microseconds since 1970. Does no I/O. */
void credentials_judge(struct credentials_thread *t,
    const struct credentials_given *g, wall_us_t now,
    struct credentials_verdict *out);

/* Of a fault: status of the answer, name for logs, sentence for the client. */
unsigned credentials_status(const struct credentials_verdict *v);
const char *credentials_fault_name(const struct credentials_verdict *v);
const char *credentials_fault_text(const struct credentials_verdict *v);
/* Appends the value of WWW-Authenticate for an answer of 400 or 401. Without a
 * fault (a good principal, or nobody): what a client without a credential is
 * told, which is no error code (RFC 6750, 3.1). */
void credentials_challenge(
    const struct credentials_verdict *v, struct buf *out);

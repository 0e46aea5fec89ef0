/* What guards the public listener besides credentials and rights: the names
 * that it may be called by, the pages that may send requests (api/http/cors.h).
 *
 * A page that may not send a request is refused before anything else is said
 * about it.
 */
#pragma once

#include "api/core/request.h"
#include "api/http/cors.h"
#include "api/limits/clients.h"
#include "common/base/err.h"

struct config;
struct guard;
struct http_head;
struct rate_table;

/* Checks the settings `limit.<role>`. The roles must be known. */
struct err guard_check_limits(const struct config *c);
/* `required`: callers must say who they are. The limits were checked (CHECK).
 * Borrows the settings. Returns owned. */
struct guard *guard_new(const struct config *c, size_t threads, bool required);
/* The buckets of one thread, owned; NULL: there are no limits. */
struct rate_table *guard_table(const struct guard *g);
void guard_free(struct guard **g);
/* The headers of every answer. Returns their number. */
size_t guard_always(
    const struct guard *g, struct cors_header out[CORS_HEADERS]);

/* Checks Host and Origin. STEP_DONE: refused. */
enum step_result guard_head(struct request *r, const struct http_head *head);
/* The same, when the caller is known. */
enum step_result guard_principal(struct request *r);
/* Counts the request for the limit of its caller (api/access/rate_limit.h).
 * STEP_DONE: refused. */
enum step_result guard_limit(struct request *r);
/* Takes a place of a kind for the caller or, without a credential, for the
 * address. False: they have as many as they may. Give it back with
 * client_give(r->share). A request takes one place. */
bool guard_take(struct request *r, enum client_kind kind);
void guard_give(struct request *r, enum client_kind kind);
/* Answers an OPTIONS; `methods`: of the path, in the form of Allow. */
enum step_result guard_options(struct request *r, const char *methods);
/* Adds its headers to an answer that is made for this request. */
void guard_describe(const struct request *r, struct MHD_Response *response);
/* The same without those of guard_always. */
void guard_describe_own(const struct request *r, struct MHD_Response *response);
/* May the request be answered with a response that is made for all? */
bool guard_shares(const struct request *r);
/* Records that the request is refused, in the log. `why`: see audit.refused. */
void guard_audit(struct request *r, unsigned status, const char *why);
/* Records that the request acted on the daemon. */
void guard_audit_act(struct request *r, unsigned status);

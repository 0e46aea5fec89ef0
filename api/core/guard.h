/* What guards the public listener besides credentials and rights: the names
 * that it may be called by, the pages that may send requests (api/http/cors.h).
 *
 * A page that may not send a request is refused before anything else is said
 * about it.
 */
#pragma once

#include "api/core/request.h"
#include "api/http/cors.h"

struct api_settings;
struct guard;
struct http_head;

/* `required`: callers must say who they are. Borrows the settings. Returns
 * owned. */
struct guard *guard_new(const struct api_settings *s, bool required);
void guard_free(struct guard **g);
/* The headers of every answer. Returns their number. */
size_t guard_always(
    const struct guard *g, struct cors_header out[CORS_HEADERS]);

/* Checks Host and Origin. STEP_DONE: refused. */
enum step_result guard_head(struct request *r, const struct http_head *head);
/* The same, when the caller is known. */
enum step_result guard_principal(struct request *r);
/* Answers an OPTIONS; `methods`: of the path, in the form of Allow. */
enum step_result guard_options(struct request *r, const char *methods);
/* Adds its headers to an answer that is made for this request. */
void guard_describe(const struct request *r, struct MHD_Response *response);
/* The same without those of guard_always. */
void guard_describe_own(const struct request *r, struct MHD_Response *response);
/* May the request be answered with a response that is made for all? */
bool guard_shares(const struct request *r);
/* Records that the request is refused, in the log. `why`: see audit.refused. */
void guard_audit(const struct request *r, unsigned status, const char *why);
/* Records that the request acted on the daemon. */
void guard_audit_act(const struct request *r, unsigned status);

/* Who asks, and may they: decided when the head of a request is in, before a
 * byte of its body is taken.
 *
 * The route says the verb (api/routes.def). The declaration of the collection,
 * or a setting, says which roles may use it (api/access/rights.h). A caller
 * without a credential who may not is refused with 401, another with 403
 * (RFC 9110, 15.5.2 and 15.5.4; RFC 6750, 3.1).
 */
#pragma once

#include "api/core/request.h"
#include "common/access/verb.h"
#include "common/base/err.h"

struct admission;
struct api_settings;

/* Call it before there are threads. FATAL: the settings name what is no role,
 * or would let everybody in who can reach the listener, without saying so.
 * Returns owned. */
struct err admission_new(const struct api_settings *s, struct admission **out);
/* The same checks, for --check-config. */
struct err admission_check(const struct api_settings *s);
void admission_free(struct admission **a);
/* Must callers say who they are? If not, everybody may do everything. */
bool admission_is_required(const struct admission *a);

/* Sets the request's principal, by its credential. STEP_DONE: refused. */
enum step_result admission_identify(struct request *r);
/* May the principal use the route's verb on the request's collection, if it has
 * one? Sets r->right. STEP_DONE: refused. */
enum step_result admission_permit(struct request *r);
/* What the principal may do on the request's collection with another verb. */
enum right admission_right(const struct request *r, enum verb v);
/* The same for a verb that only the body shows: sets r->right. */
bool admission_allows(struct request *r, enum verb v);
/* May the principal use this verb of the service? */
bool admission_knows(const struct request *r, enum verb v);
/* Answers 401 or 403. */
enum step_result admission_refuse(struct request *r);
/* Adds the headers of an answer that depends on who asks (RFC 9111, 5.2.2.7;
 * RFC 9110, 12.5.5), if callers must say who they are. */
void admission_describe(const struct request *r, struct MHD_Response *response);

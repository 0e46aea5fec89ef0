/* What a principal may do (pure core).
 *
 * A collection grants its verbs by its declaration, the service grants its own
 * by settings. Whatever is granted to `anonymous` is granted to everybody.
 * Whatever is granted to `authenticated` is granted to everybody who has a
 * valid credential. What nobody granted is refused.
 */
#pragma once

#include "common/access/principal.h"
#include "common/base/err.h"
#include "common/schema/collection.h"

enum right {
	RIGHT_NONE,
	RIGHT_OWN, /* only for the documents that the principal owns */
	RIGHT_ALL,
};

/* What the service grants, by verb. Only verbs of the service are used. */
struct rights {
	role_set service[VERB_COUNT];
};

/* Adds a setting's list of roles, separated by commas. Call it before there
 * are threads. FATAL: one is no name of a role, or there are too many. */
struct err rights_grant(
    struct rights *r, enum verb v, const char *setting, const char *list);
/* Which documents of the collection the principal may use the verb on. An owner
 * without the claim owns nothing: NONE. */
enum right rights_on(
    const struct collection *c, enum verb v, const struct principal *p);
/* May the principal use a verb of the service? */
bool rights_of_service(
    const struct rights *r, enum verb v, const struct principal *p);

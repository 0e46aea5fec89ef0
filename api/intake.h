/* The body of a request while it is in hand, against budget_bodies.
 *
 * It grows as bytes arrive: who announced a megabyte and sent a byte holds a
 * byte. When there is no room the body is let go of, the rest is passed over,
 * and the request is answered 503.
 */
#pragma once

#include "api/request.h"

/* Adds to r->body; else sets r->too_large or r->no_room. */
void intake_add(struct request *r, const char *data, size_t len);
/* r->doc, if there is one, replaces the body. */
void intake_settle(struct request *r);
/* Neither is needed any more. */
void intake_free(struct request *r);
/* The answer where there was no room. */
enum step_result intake_refuse(struct request *r);

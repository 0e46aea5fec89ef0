/* When the time of a document comes (pure core).
 *
 * A collection may declare a date-time field as `expires`. A document is absent
 * from that time on. Every reader compares the time of the document with a
 * clock that it names; nothing here reads a clock.
 */
#pragma once

#include "common/base/clock.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

/* Later than every time. */
#define EXPIRY_NEVER INT64_MAX

/* The time in the value of the field; EXPIRY_NEVER: it is null, absent (s is
 * NULL), or no time that a document can have. */
wall_us_t expiry_time(struct jsonslice value);
/* The time of a document; EXPIRY_NEVER also if the collection declares none.
 * The document is one that a tier or the log has, so it is well-formed. */
wall_us_t expiry_of(const struct collection *c, const char *doc, size_t len);

/* Has this time come at `now`? */
static inline bool expiry_is_over(wall_us_t time, wall_us_t now)
{
	return time <= now;
}

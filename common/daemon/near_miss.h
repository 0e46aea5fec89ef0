/* Which known name was probably meant by an unknown one (pure core): the one
 * with the fewest letters to change, add or remove (the Levenshtein distance).
 */
#pragma once

#include <stddef.h>

enum { NEAR_MISS_LONGEST = 64 }; /* bytes of a known name; longer: no match */

struct near_miss {
	const char *given;
	const char *best; /* NULL: no name was tried */
	size_t distance;  /* from `given` to `best` */
};

struct near_miss near_miss_of(const char *given);
/* `name` is borrowed as long as the struct is used. Of equal ones the first
 * counts. */
void near_miss_try(struct near_miss *m, const char *name);
/* The best one, if at most a third of its letters differ, or if it begins with
 * what was given. Else NULL. */
const char *near_miss_found(const struct near_miss *m);

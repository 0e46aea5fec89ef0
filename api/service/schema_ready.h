/* Is what this API declares migrated? Asked of the primary until it is. As long
 * as nobody could be asked it is taken to be: the writers hold what they do not
 * know (writer/decide/fingerprints.h).
 */
#pragma once

#include "api/worker.h"

struct migrated;

struct migrated *migrated_new(void);
void migrated_free(struct migrated **m);
/* The first worker's timer. */
void migrated_tick(struct worker *w);
/* Any thread: known not to be. */
bool migrated_misses(struct migrated *m, const struct collection *c);
/* Any thread: the first that is not; NULL: none is known. */
const struct collection *migrated_first(struct migrated *m);
/* Any thread: one that is; NULL: none is known. */
const struct collection *migrated_some(struct migrated *m);

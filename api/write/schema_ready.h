/* Is what this API declares migrated? Asked of the primary until it is. As long
 * as nobody could be asked it is taken to be: the writers hold what they do not
 * know (writer/decide/fingerprints.h).
 */
#pragma once

#include "api/core/instance.h"
#include "common/schema/collection.h"

struct schema_ready;

struct schema_ready *schema_ready_new(void);
void schema_ready_free(struct schema_ready **m);
/* The first worker's timer. */
void schema_ready_tick(struct thread *t);
/* Any thread: known not to be. */
bool schema_ready_misses(struct schema_ready *m, const struct collection *c);
/* Any thread: the first that is not; NULL: none is known. */
const struct collection *schema_ready_first(struct schema_ready *m);
/* Any thread: one that is; NULL: none is known. */
const struct collection *schema_ready_some(struct schema_ready *m);

/* Whether the database is migrated to the declarations of this API. The primary
 * is asked until it is. As long as the primary has not answered, it is assumed
 * to be: the writers hold writes whose shape they do not know
 * (writer/decide/fingerprints.h).
 */
#pragma once

#include "api/core/instance.h"
#include "common/schema/collection.h"

struct schema_ready;

/* Asks the primary again, because there are new collections. Any thread. The
 * instance stays ready meanwhile: only those of the start count for that. */
void schema_ready_again(struct schema_ready *m);
/* The collections must be loaded. Returns owned. */
struct schema_ready *schema_ready_new(void);
void schema_ready_free(struct schema_ready **m);
/* Called by the timer of the first worker. */
void schema_ready_tick(struct thread *t);
/* Any thread: is the collection known not to be migrated? */
bool schema_ready_misses(struct schema_ready *m, const struct collection *c);
/* Any thread: the first collection of the start that is not migrated; NULL:
 * none is known. */
const struct collection *schema_ready_first(struct schema_ready *m);
/* Any thread: a collection that is migrated; NULL: none is known. */
const struct collection *schema_ready_some(struct schema_ready *m);

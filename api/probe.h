/* What the public /health and /stats need to know of the other side: how many
 * writes wait in the log, whether a writer is there, how many keys Redis has.
 *
 * Asked once a second, off the request threads.
 */
#pragma once

#include "api/app.h"

#include <stdbool.h>
#include <stdint.h>

struct probe;

struct probe_report {
	bool known;	      /* Kafka answered within the last seconds */
	int64_t backlog;      /* writes not known to be committed */
	bool writer_active;   /* the writers' group has a member */
	int64_t decided;      /* writes decided, over all partitions */
	double decided_per_s; /* over the last few seconds */
	bool redis_known;
	int64_t redis_keys;
};

struct err probe_new(struct app *app, struct probe **out);
/* Any thread. */
struct probe_report probe_get(struct probe *p);
/* Any thread: the end of a partition of the log as last seen; -1: not known. */
int64_t probe_end(struct probe *p, int32_t partition);
/* Any thread: may the log hold this position? False only for one that is far
 * beyond the end last seen: the end is a second old, and a receipt is not. */
bool probe_has(struct probe *p, struct position position);
/* Does not wait for what it has asked. */
void probe_free(struct probe **p);

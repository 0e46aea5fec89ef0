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
	/* Of the partition that has writes and has had no commit for longest;
	 * -1: there is none. */
	int32_t stalled;
	dur_us_t stalled_for;
	int64_t stalled_writes;
	bool redis_known;
	int64_t redis_keys;
};

struct err probe_new(struct app *app, struct probe **out);
/* Any thread. */
struct probe_report probe_get(struct probe *p);
/* Any thread: the end of a partition of the log as last seen; -1: not known. */
int64_t probe_end(struct probe *p, int32_t partition);
/* Any thread: this instance was told that the log has a write there. */
void probe_acked(struct probe *p, int32_t partition, int64_t offset);

enum probe_place {
	PROBE_THERE,
	PROBE_NOWHERE,
	PROBE_LATER,   /* behind the end last seen, which may have moved */
	PROBE_UNKNOWN, /* the log does not answer */
};

/* Any thread: does the log hold this position? A receipt that was had before
 * `since` is never NOWHERE. After LATER, ask again within a second or two. */
enum probe_place probe_place(
    struct probe *p, struct position position, mono_us_t since);
/* Does not wait for what it has asked. */
void probe_free(struct probe **p);

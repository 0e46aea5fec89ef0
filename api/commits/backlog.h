/* How many writes wait in the log, and who reads it: for the public /health and
 * /stats, and for shedding.
 *
 * Measured once a second, on the main loop.
 */
#pragma once

#include "api/core/instance.h"
#include "common/log/version.h"

#include <stdbool.h>
#include <stdint.h>

struct backlog;

struct backlog_report {
	bool known;	      /* Kafka answered within the last seconds */
	int64_t backlog;      /* writes not known to be committed */
	bool writer_active;   /* the writers' group has a member */
	int64_t decided;      /* writes decided, over all partitions */
	double decided_per_s; /* over the last few seconds */
	/* The partition that has had waiting writes and no commit for the
	 * longest time; -1: none. */
	int32_t stalled;
	dur_us_t stalled_for;
	int64_t stalled_writes;
	/* Members of their groups in Kafka; -1: not known. */
	int64_t writers, projectors;
};

/* On the main loop. *out is owned, or NULL with an error that an operator must
 * correct. */
struct err backlog_new(struct instance *instance, struct backlog **out);
/* Any thread. */
struct backlog_report backlog_get(struct backlog *p);
/* Any thread: the end of a partition of the log when last seen; -1: not known.
 */
int64_t backlog_end(struct backlog *p, int32_t partition);
/* Any thread: Kafka has acknowledged a write of this instance at this offset.
 */
void backlog_acked(struct backlog *p, int32_t partition, int64_t offset);

enum backlog_place {
	BACKLOG_THERE,
	BACKLOG_NOWHERE,
	BACKLOG_LATER,	 /* beyond the end last seen, which may have moved */
	BACKLOG_UNKNOWN, /* Kafka does not answer */
};

/* Any thread: does the log have this position? Never NOWHERE for a position
 * that was acknowledged before `since`. After LATER, ask again within a second
 * or two. */
enum backlog_place backlog_place(
    struct backlog *p, struct position position, mono_us_t since);
/* Does not wait for answers that are due. */
void backlog_free(struct backlog **p);

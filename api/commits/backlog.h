/* What the public /health and /stats need to know of the other side: how many
 * writes wait in the log, whether a writer is there, how many keys Redis has.
 *
 * Asked once a second, off the request threads.
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
	/* Of the partition that has writes and has had no commit for longest;
	 * -1: there is none. */
	int32_t stalled;
	dur_us_t stalled_for;
	int64_t stalled_writes;
	bool redis_known;
	int64_t redis_keys;
};

struct err backlog_new(struct instance *instance, struct backlog **out);
/* Any thread. */
struct backlog_report backlog_get(struct backlog *p);
/* Any thread: the end of a partition of the log as last seen; -1: not known. */
int64_t backlog_end(struct backlog *p, int32_t partition);
/* Any thread: this instance was told that the log has a write there. */
void backlog_acked(struct backlog *p, int32_t partition, int64_t offset);

enum backlog_place {
	BACKLOG_THERE,
	BACKLOG_NOWHERE,
	BACKLOG_LATER,	 /* behind the end last seen, which may have moved */
	BACKLOG_UNKNOWN, /* the log does not answer */
};

/* Any thread: does the log hold this position? A receipt that was had before
 * `since` is never NOWHERE. After LATER, ask again within a second or two. */
enum backlog_place backlog_place(
    struct backlog *p, struct position position, mono_us_t since);
/* Does not wait for what it has asked. */
void backlog_free(struct backlog **p);

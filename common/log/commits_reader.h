/* How one partition of sluice.commits is read (pure core).
 *
 * A consumer begins at an offset that it knows. If it knows none, it begins a
 * little before the end of the partition, so that it finds a mark
 * (common/log/scan_back.h). If it reaches the end without a mark, it begins
 * further back, at last at the beginning. If its offset is not in the log any
 * more, it searches for a mark, too.
 *
 * A consumer begins elsewhere a little later (consumer_assign_each,
 * consumer_add). So a partition that is to begin elsewhere is `moving` until it
 * is assigned again; messages that come until then do not count.
 */
#pragma once

#include "common/log/record.h"

struct commits_reader {
	int64_t next; /* offset to read; below 0: one of Kafka's own */
	int reach;    /* common/log/scan_back.h, while no mark was found */
	bool moving;  /* waits for an assignment that begins at `next` */
};

/* Begins at that offset, with the next assignment. */
void commits_reader_move(struct commits_reader *r, int64_t offset);
/* Searches for a mark from that reach on. */
void commits_reader_search(struct commits_reader *r, int reach);
/* The offset is not in the log (any more). */
void commits_reader_lost(struct commits_reader *r);
/* The assignment is made. */
void commits_reader_assigned(struct commits_reader *r);
/* Does the message at that offset count? If so, moves `next` behind it. */
bool commits_reader_takes(struct commits_reader *r, int64_t offset);
/* Has it read the whole partition, which ends at `end`? */
bool commits_reader_is_whole(const struct commits_reader *r, int64_t end);
/* No mark was found up to the end of the partition. True: it searches further
 * back. False: the partition has no mark. */
bool commits_reader_retry(struct commits_reader *r, int64_t end);

enum commits_kind {
	COMMITS_MALFORMED,
	COMMITS_NEWER, /* of a format that this version does not know */
	COMMITS_RECORD,
	COMMITS_MARK,
};

struct commits_message {
	enum commits_kind kind;
	/* The log of writes must reach at least to here: the version + 1 of a
	 * record, the end of a mark. */
	version_t through;
	union {
		struct record_commit record;
		struct record_mark mark;
	};
	/* The record's document, if former names of fields were replaced in
	 * it. */
	struct buf renamed;
};

/* Borrows the message, until commits_message_free. The document of a record
 * has the fields' names of today (common/log/renamed.h). */
void commits_message_parse(const rd_kafka_message_t *m, int32_t partitions,
    struct commits_message *out);
void commits_message_free(struct commits_message *c);

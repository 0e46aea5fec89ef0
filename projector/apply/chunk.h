/* What one script is to do in Redis for one partition (pure core).
 *
 * Records and marks go in as they are heard; out comes, as soon as something
 * is due, one of two scripts (common/cache/l2.h): APPLY, or START after a jump.
 */
#pragma once

#include "common/log/follower.h"
#include "common/log/keyspace.h"
#include "common/log/record.h"
#include "common/log/writes_bound.h"

#include <stdbool.h>
#include <stddef.h>

struct chunk_entry {
	char *id; /* owned, with its length */
	size_t id_len;
	uint32_t bucket;
	version_t floor;
	/* False: delete the entry. */
	bool set;
	version_t version;
	bool present;
	char *doc; /* owned; NULL unless present */
	size_t doc_len;
};

enum chunk_due {
	CHUNK_NOTHING, /* more may come */
	CHUNK_APPLY,
	CHUNK_START,
};

struct chunk {
	size_t max_entries, max_bytes;
	int32_t partitions;
	struct follower follower;
	struct chunk_entry *entries;
	size_t n, cap;
	size_t bytes;
	size_t *slots; /* hash of the ids: index + 1 into entries, 0: free */
	size_t nslots;
	/* Redis's watermark and cursor, as this chunk found and leaves them.
	 * `initialised`: it has one. */
	bool initialised;
	version_t from, to;
	int64_t cursor;
	uint64_t turn; /* of what is in Redis (common/cache/l2.h) */
	uint64_t next; /* of the script that is under way */
	/* Redis's watermark is one that this log has. */
	bool confirmed;
	enum chunk_due due;
	wall_us_t newest;	   /* accepted-at, of all in it */
	struct writes_bound bound; /* kept over restarts */
};

enum chunk_heard { CHUNK_IGNORED, CHUNK_SET, CHUNK_DROPPED };

void chunk_init(
    struct chunk *c, int32_t partitions, size_t max_entries, size_t max_bytes);
void chunk_free(struct chunk *c);

/* Redis has a watermark: follow from there, at `cursor`. The mark that it is of
 * comes again, or (compaction) a later one. */
void chunk_resume(
    struct chunk *c, version_t watermark, int64_t cursor, uint64_t turn);
/* Redis has none worth keeping (`has`: it has this one, which is not). The
 * first mark starts it. */
void chunk_restart(struct chunk *c, bool has, version_t watermark);
/* There is no mark in the whole log: START at 0. */
void chunk_begin_empty(struct chunk *c);

/* Not while something is due. */
enum chunk_heard chunk_record(
    struct chunk *c, const struct record_commit *r, int64_t offset);
void chunk_mark(struct chunk *c, const struct record_mark *m, int64_t offset);
/* What is no record of ours stands in the log, too. */
void chunk_skip(struct chunk *c, int64_t offset);
/* Full, or past a mark: is it worth a script? */
bool chunk_is_full(const struct chunk *c);

/* All of the log was heard: is Redis's watermark one of another log? */
bool chunk_is_foreign(const struct chunk *c);

/* The base floor of a START. */
version_t chunk_base(const struct chunk *c);
/* What is due is about to be sent: random bits. */
void chunk_take_turn(struct chunk *c, uint64_t bits);
/* Redis did what was due. */
void chunk_applied(struct chunk *c);

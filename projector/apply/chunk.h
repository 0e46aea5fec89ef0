/* A chunk: what the next script does in Redis for one partition (pure core).
 *
 * The records and marks that are heard are added to the chunk, until a script
 * is due. There are two kinds of scripts (common/cache/l2.h): APPLY, and START
 * after a jump.
 */
#pragma once

#include "common/log/follower.h"
#include "common/log/keyspace.h"
#include "common/log/record.h"
#include "common/log/writes_bound.h"
#include "common/trace/span.h"

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

/* A record that is traced, since it was heard. */
struct chunk_trace {
	struct span_start span;
	int64_t offset;
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
	struct chunk_trace *traces; /* of its records */
	size_t ntraces, traces_cap;
	size_t *slots; /* hash of the ids: index + 1 into entries, 0: free */
	size_t nslots;
	/* Redis's watermark before and after this chunk, and its cursor.
	 * `initialised`: Redis has a watermark. */
	bool initialised;
	/* Behind the newest message of a format that this version does not
	 * know; 0: none, or a writer of a known format went on behind it. Until
	 * then Redis stays where it is. */
	int64_t newer;
	version_t from, to;
	int64_t cursor;
	uint64_t turn; /* the turn that Redis has (common/cache/l2.h) */
	uint64_t next; /* the turn of the script that is under way */
	/* The log has a mark of Redis's watermark. */
	bool confirmed;
	enum chunk_due due;
	wall_us_t newest;	   /* the newest accepted-at in the chunk */
	struct writes_bound bound; /* kept over restarts */
};

enum chunk_heard { CHUNK_IGNORED, CHUNK_SET, CHUNK_DROPPED };

void chunk_init(
    struct chunk *c, int32_t partitions, size_t max_entries, size_t max_bytes);
void chunk_free(struct chunk *c);

/* Redis has a watermark: continues from there, at the offset `cursor`. The mark
 * that set this watermark comes again, or (compaction) a later one. */
void chunk_resume(
    struct chunk *c, version_t watermark, int64_t cursor, uint64_t turn);
/* Redis has no usable watermark (`has`: it has this one, which must be
 * replaced). The first mark starts the partition. */
void chunk_restart(struct chunk *c, bool has, version_t watermark);
/* There is no mark in the whole log: START at 0. */
void chunk_begin_empty(struct chunk *c);

/* Must not be called while a script is due. */
enum chunk_heard chunk_record(
    struct chunk *c, const struct record_commit *r, int64_t offset);
/* The record that was added last is traced. */
void chunk_trace(struct chunk *c, const struct span_start *s, int64_t offset);
void chunk_mark(struct chunk *c, const struct record_mark *m, int64_t offset);
/* Passes over a message that Sluice did not write. */
void chunk_skip(struct chunk *c, int64_t offset);
/* Is the chunk full, or past a mark, so that a script should be sent? */
bool chunk_is_full(const struct chunk *c);

/* Call it when the whole log was heard. Does Redis's watermark belong to
 * another log? */
bool chunk_is_foreign(const struct chunk *c);

/* The base floor of a START. */
version_t chunk_base(const struct chunk *c);
/* The script that is due is about to be sent; `bits` are random. */
void chunk_take_turn(struct chunk *c, uint64_t bits);
/* Redis has executed the script that was due. */
void chunk_applied(struct chunk *c);
